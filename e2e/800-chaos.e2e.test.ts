/**
 * Verbs at random, with kills, flushes, containers that end, and options that change from call to call. FLATNET_SEED repeats the choices of
 * a run, FLATNET_CHAOS_SECONDS sets its length.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSandbox, type Sandbox } from '@flatnet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runChaos } from './chaos/run-chaos.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox?.close());

const seed = Number(process.env['FLATNET_SEED'] ?? Math.floor(Math.random() * 1e9));
const seconds = Number(process.env['FLATNET_CHAOS_SECONDS'] ?? (process.env['FLATNET_SYSTEM'] === '1' ? 60 : 10));

it(
  `random calls with kills for ${seconds} s leave nothing but bridges (FLATNET_SEED=${seed})`,
  async () => {
    const { findings, done, trace } = await runChaos(sandbox, seed, seconds);
    const counts = [...done].sort().map(([kind, count]) => `${kind}: ${count}`);
    process.stdout.write(`seed ${seed}: ${counts.join(', ')}\n`);
    const file = join(tmpdir(), `flatnet-chaos-${seed}.log`);
    if (findings.length > 0) writeFileSync(file, `${trace.join('\n')}\n`);
    expect(findings, `FLATNET_SEED=${seed}; all calls: ${file}`).toEqual([]);
    // A run in which nothing happened proves nothing.
    for (const kind of ['ADD done', 'DEL done']) expect(done.get(kind) ?? 0, kind).toBeGreaterThan(2);
  },
  (seconds + 340) * 1000,
);
