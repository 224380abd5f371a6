import { readFileSync, writeFileSync } from 'node:fs';
import { figure, inTurn, progress, ratio, type Section, type Table } from '../bench.ts';
import { buildKernelWork } from '../executables.ts';
import { FLATNET, NETAVARK, NEWEST_NETAVARK, NEWEST_REFERENCES, REFERENCE } from '../peers.ts';
import { counting, median, spread, type Sample } from '../sample.ts';
import { makeNetns, Sandbox } from '../sandbox.ts';
import { BareSide } from '../sides/bare.ts';
import { cniSide } from '../sides/cni.ts';
import { NetavarkSide } from '../sides/netavark.ts';
import { container, published, type Side } from '../sides/side.ts';
import { findTool } from '../versions.ts';

/** Medians of one side, milliseconds, and what other lenses saw. */
export interface ChainFigures {
  readonly side: string;
  readonly add: number;
  readonly del: number;
  readonly addSpread: number;
  readonly delSpread: number;
  readonly addCpu: number;
  readonly delCpu: number;
  readonly addProcesses: number;
  readonly delProcesses: number;
  readonly peakMb: number;
  /** Samples of ADD and of DEL, and how many of them counted. */
  readonly samples: string;
}

/** ADD and DEL of the whole chain, side by side. A container stays on each network, so that no bridge comes and goes. */
export async function chain(full: boolean, rounds: number, budgetMs: number): Promise<readonly ChainFigures[]> {
  const kind = full ? 'full' : 'plain';
  progress(full ? 'chain: one published port, masquerade' : 'chain: no portmap, no masquerade');
  const sides = chainSides(full, kind);
  makeNetns([`${kind}-stays`, `${kind}-comes`].flatMap((name) => sides.map((_, at) => `${name}${at}`)));
  const comes = (side: Side) => container(`${kind}-comes${sides.indexOf(side)}`, 3, full ? published(8081) : []);
  for (const [at, side] of sides.entries()) {
    await side.attach(container(`${kind}-stays${at}`, 2, full ? published(8080) : []));
  }
  const samples = await inTurn(sides, rounds, budgetMs, async (side) => ({
    add: await side.attach(comes(side)),
    del: await side.detach(comes(side)),
  }));
  const of = (verb: 'add' | 'del') => counting(sides.map((side) => samples.get(side)!.map((sample) => sample[verb])));
  const [adds, dels] = [of('add'), of('del')];
  const figures: ChainFigures[] = [];
  for (const [at, side] of sides.entries()) {
    const times = { add: adds[at]!, del: dels[at]!, rounds: samples.get(side)!.length };
    figures.push(await figuresOf(side, times, () => comes(side)));
  }
  sides.forEach((side) => side.sandbox.stop());
  return figures;
}

function chainSides(full: boolean, kind: string): readonly Side[] {
  let count = 0;
  const sandbox = (): Sandbox => new Sandbox(`${kind}-side${count++}`);
  const makers = [FLATNET, ...(REFERENCE ? [REFERENCE] : []), ...NEWEST_REFERENCES];
  return [
    ...makers.map((maker) => cniSide(maker, sandbox(), { full })),
    ...(NETAVARK && full ? [new NetavarkSide(sandbox(), NETAVARK)] : []),
    ...(NEWEST_NETAVARK && full ? [new NetavarkSide(sandbox(), NEWEST_NETAVARK, 'newest netavark')] : []),
    new BareSide(sandbox(), full, buildKernelWork()),
  ];
}

async function figuresOf(
  side: Side,
  { add, del, rounds }: { add: readonly Sample[]; del: readonly Sample[]; rounds: number },
  comes: () => ReturnType<typeof container>,
): Promise<ChainFigures> {
  const wall = (all: readonly Sample[]): number[] => all.map(({ wallMs }) => wallMs);
  const cpu = (all: readonly Sample[]): number[] => all.map(({ cpuMs }) => cpuMs);
  const count = await throughLens(
    side,
    comes,
    ['strace', '-A', '-f', '-qq', '-e', 'trace=execve', '-e', 'signal=none'],
    countExec,
  );
  const memory = await throughLens(side, comes, ['/usr/bin/time', '-a', '-f', '%M'], largest);
  return {
    side: side.name,
    add: median(wall(add)),
    del: median(wall(del)),
    addSpread: spread(wall(add)),
    delSpread: spread(wall(del)),
    addCpu: median(cpu(add)),
    delCpu: median(cpu(del)),
    addProcesses: count.add,
    delProcesses: count.del,
    samples: `${add.length}, ${del.length} of ${rounds}`,
    peakMb: Math.max(memory.add, memory.del) / 1024,
  };
}

/** Programs started: successful execve calls. */
const countExec = (text: string): number => text.split('\n').filter((line) => /execve\(.*= 0$/.test(line)).length;
const largest = (text: string): number => Math.max(...text.trim().split('\n').map(Number));

/** One ADD and one DEL with every program under a tool that appends to a file; what `read` makes of that file. */
async function throughLens(
  side: Side,
  comes: () => ReturnType<typeof container>,
  lens: readonly string[],
  read: (text: string) => number,
): Promise<{ add: number; del: number }> {
  // A full path, because a side may have a PATH of its own.
  const tool = findTool(lens[0]!);
  if (tool === undefined) return { add: NaN, del: NaN };
  const file = '/run/bench/lens';
  const take = async (work: () => Promise<Sample>): Promise<number> => {
    writeFileSync(file, '');
    await work();
    return read(readFileSync(file, 'utf8'));
  };
  const add = await take(() => side.attach(comes(), [tool, ...lens.slice(1), '-o', file]));
  const del = await take(() => side.detach(comes(), [tool, ...lens.slice(1), '-o', file]));
  return { add, del };
}

const pair = (add: number, del: number, show: (value: number) => string): string => `${show(add)} / ${show(del)}`;

function tableOf(figures: readonly ChainFigures[]): Table {
  const [flatnet] = figures;
  return {
    head: ['ADD / DEL', 'time, ms', '± ms', 'flatnet is', 'CPU, ms', 'programs', 'peak MB', 'samples'],
    rows: figures.map((of) => [
      of.side,
      pair(of.add, of.del, figure),
      pair(of.addSpread, of.delSpread, figure),
      of === flatnet ? '' : `${ratio(flatnet!.add, of.add)} / ${ratio(flatnet!.del, of.del)}`,
      pair(of.addCpu, of.delCpu, figure),
      pair(of.addProcesses, of.delProcesses, (value) => (Number.isFinite(value) ? String(value) : '–')),
      figure(of.peakMb),
      of.samples,
    ]),
  };
}

export const chainSection = (full: readonly ChainFigures[], plain: readonly ChainFigures[]): Section => ({
  title: 'ADD and DEL of the chain',
  about:
    'A network with a container on it; one more comes and goes. First with masquerade and one published port, then with neither. ' +
    'CPU is of all processes, peak memory of the largest one.',
  tables: [tableOf(full), tableOf(plain)],
});
