import { figure, FLATNET } from './bench.ts';
import { buildEmpty } from './empty.ts';
import { chain } from './parts/chain.ts';
import { emptyStart, verbs } from './parts/verbs.ts';
import { targetLine, targetsOf } from './report/targets.ts';

const ROUNDS = 6;

/**
 * The form for CI: under a minute, against what the machine itself can do (empty starts and bare kernel work), so that a slow machine
 * does not look like a slow change. It prints; it never fails on a figure.
 */
export async function short(): Promise<void> {
  const empty = buildEmpty();
  const start = await emptyStart(empty, ROUNDS + 1);
  const full = await chain(true, ROUNDS, 12_000);
  const plain = await chain(false, ROUNDS, 6_000);
  const rows = await verbs(empty, ROUNDS, 10_000);
  const own = full.find(({ side }) => side === FLATNET.name)!;
  const bare = full.find(({ side }) => side.startsWith('bare'))!;
  const say = (line: string): boolean => process.stdout.write(`${line}\n`);
  say(`empty executable ${figure(start)} ms; bare kernel work ADD ${figure(bare.add)}, DEL ${figure(bare.del)} ms`);
  // Three plugins are started for ADD and for DEL: main, IPAM, portmap.
  const floor = { add: bare.add + 3 * start, del: bare.del + 3 * start };
  say(`chain ADD ${figure(own.add)} ms = ${(own.add / floor.add).toFixed(2)} × (bare + three empty starts)`);
  say(`chain DEL ${figure(own.del)} ms = ${(own.del / floor.del).toFixed(2)} × (bare + three empty starts)`);
  say(
    `programs ${own.addProcesses} / ${own.delProcesses}, CPU ${figure(own.addCpu)} / ${figure(own.delCpu)} ms, peak ${figure(own.peakMb)} MB`,
  );
  targetsOf({ full, plain, verbs: rows }).forEach((target) => say(targetLine(target)));
}
