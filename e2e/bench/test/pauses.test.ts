import { expect, it } from 'vitest';
import { watchPauses } from '../src/pauses.ts';

const standStill = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('tells how long the process stood still, to each watcher what fell into its own time', async () => {
  const outer = watchPauses();
  await new Promise((resolve) => setTimeout(resolve, 20));
  standStill(100);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const inner = watchPauses();
  standStill(60);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const [late, all] = [inner(), outer()];
  // A busy machine adds pauses of its own, and takes none away.
  expect(late).toBeGreaterThan(50);
  expect(all - late).toBeGreaterThan(90);
});
