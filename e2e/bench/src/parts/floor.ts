import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { buildEmpty, buildKernelWork } from '../executables.ts';
import { FLATNET } from '../peers.ts';
import { mediansMs } from '../sample.ts';
import { makeNetns, must, PATH, Sandbox } from '../sandbox.ts';
import { BareSide } from '../sides/bare.ts';
import { cniSide } from '../sides/cni.ts';
import { container, published } from '../sides/side.ts';

/** Medians in milliseconds. */
export interface FloorFigures {
  /** A process of the same runtime that does nothing. */
  readonly empty: number;
  /** One that asks rtnetlink one question. */
  readonly question: number;
  /** One that does the kernel's work of an attachment with one port and masquerade, and of a detachment. */
  readonly attach: number;
  readonly detach: number;
  readonly chainAdd: number;
  readonly chainDel: number;
}

/** What the chain cannot be faster than: its three processes, of which one does the kernel's work. */
export async function floor(rounds: number, budgetMs: number): Promise<FloorFigures> {
  progress('floor: empty processes, libc, the kernel work alone, the chain');
  const program = buildKernelWork();
  const bare = new BareSide(new Sandbox('floor-bare'), true, program);
  const chain = cniSide(FLATNET, new Sandbox('floor-flatnet'), { full: true });
  const sides = [bare, chain];
  makeNetns(sides.flatMap((_, at) => [`floor-stays${at}`, `floor-comes${at}`]));
  for (const [at, side] of sides.entries()) await side.attach(container(`floor-stays${at}`, 2, published(8080)));
  const comes = sides.map((_, at) => container(`floor-comes${at}`, 3, published(8081)));
  const steps = [
    () => must(bare.sandbox, { file: empty, env: { PATH } }),
    () => must(bare.sandbox, { file: program, args: ['question'], env: { PATH } }),
    () => bare.attach(comes[0]!),
    () => bare.detach(comes[0]!),
    () => chain.attach(comes[1]!),
    () => chain.detach(comes[1]!),
  ];
  const empty = buildEmpty();
  const samples = await inTurn(steps, rounds, budgetMs, (step) => step());
  sides.forEach((side) => side.sandbox.stop());
  const [start, question, attach, detach, chainAdd, chainDel] = mediansMs(steps.map((step) => samples.get(step)!));
  return {
    ...{ empty: start!, question: question!, attach: attach!, detach: detach! },
    ...{ chainAdd: chainAdd!, chainDel: chainDel! },
  };
}

export function floorSection({ empty, question, attach, detach, chainAdd, chainDel }: FloorFigures): Section {
  const [add, del] = [attach + 2 * empty, detach + 2 * empty];
  return {
    title: 'Floor',
    about:
      'Milliseconds of whole processes with the same runtime. "Three processes": the kernel work of the chain in one process that knows ' +
      'every name and address, and two empty ones; a container stays on the network.',
    tables: [
      {
        head: ['process', 'ms'],
        rows: [
          ['empty', figure(empty)],
          ['libc by bun:ffi, one question to rtnetlink', figure(question)],
          ['kernel work of ADD alone', figure(attach)],
          ['kernel work of DEL alone', figure(detach)],
        ],
      },
      {
        head: ['', 'flatnet, ms', 'three processes, ms', 'flatnet is'],
        rows: [
          ['chain ADD', figure(chainAdd), figure(add), ratio(chainAdd, add)],
          ['chain DEL', figure(chainDel), figure(del), ratio(chainDel, del)],
        ],
      },
    ],
  };
}
