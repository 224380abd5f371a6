import { figure, ratio } from './bench.ts';
import { FLATNET } from './peers.ts';
import { buildEmpty } from './executables.ts';
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
  const bare = full.find(({ side }) => side === 'kernel work alone')!;
  const say = (line: string): boolean => process.stdout.write(`${line}\n`);
  say(`empty executable ${figure(start)} ms; kernel work alone ADD ${figure(bare.add)}, DEL ${figure(bare.del)} ms`);
  // Three plugins are started for ADD and for DEL: main, IPAM, portmap. The kernel's work is a process too.
  const floor = { add: bare.add + 2 * start, del: bare.del + 2 * start };
  say(`chain ADD ${figure(own.add)} ms = ${ratio(own.add, floor.add)} three processes with the kernel's work alone`);
  say(`chain DEL ${figure(own.del)} ms = ${ratio(own.del, floor.del)} three processes with the kernel's work alone`);
  say(
    `programs ${own.addProcesses} / ${own.delProcesses}, CPU ${figure(own.addCpu)} / ${figure(own.delCpu)} ms, peak ${figure(own.peakMb)} MB`,
  );
  targetsOf({ full, plain, verbs: rows }).forEach((target) => say(targetLine(target)));
}
