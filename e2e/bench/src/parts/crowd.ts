import { figure, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, NETAVARK, REFERENCE } from '../peers.ts';
import { makeNetns, Sandbox } from '../sandbox.ts';
import { cniSide } from '../sides/cni.ts';
import { NetavarkSide } from '../sides/netavark.ts';
import { container, published, type Side } from '../sides/side.ts';
import { median } from '../sample.ts';

/** Total milliseconds of `size` ADDs started together, then of as many DELs. */
export interface CrowdRow {
  readonly side: string;
  readonly size: number;
  readonly add: number;
  readonly del: number;
}

/** Many containers at once, each with one published port, masqueraded. */
export async function crowd(size: number, rounds: number): Promise<readonly CrowdRow[]> {
  progress(`crowd: ${size} ADDs at once, then ${size} DELs`);
  const sides: readonly Side[] = [
    cniSide(FLATNET, new Sandbox(`crowd${size}-flatnet`), { full: true }),
    ...(REFERENCE ? [cniSide(REFERENCE, new Sandbox(`crowd${size}-reference`), { full: true })] : []),
    ...(NETAVARK ? [new NetavarkSide(new Sandbox(`crowd${size}-netavark`), NETAVARK)] : []),
  ];
  const members = new Map(sides.map((side, at) => [side, membersOf(`crowd${size}-${at}`, size)]));
  const rows = new Map<Side, { add: number; del: number }[]>(sides.map((side) => [side, []]));
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      const add = await together(members.get(side)!, (member) => side.attach(member));
      const del = await together(members.get(side)!, (member) => side.detach(member));
      rows.get(side)!.push({ add, del });
      progress(`  ${side.name}: ${figure(add)} ms, then ${figure(del)} ms`);
    }
  }
  sides.forEach((side) => side.sandbox.stop());
  return sides.map((side) => ({
    side: side.name,
    size,
    add: median(rows.get(side)!.map(({ add }) => add)),
    del: median(rows.get(side)!.map(({ del }) => del)),
  }));
}

function membersOf(prefix: string, size: number) {
  const numbers = Array.from({ length: size }, (_, at) => at);
  makeNetns(numbers.map((at) => `${prefix}-${at}`));
  return numbers.map((at) => container(`${prefix}-${at}`, at + 2, published(20_000 + at)));
}

async function together<T>(members: readonly T[], work: (member: T) => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  const outcomes = await Promise.allSettled(members.map(work));
  const wallMs = performance.now() - begin;
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  if (failed.length > 0) {
    progress(`  ${failed.length} of ${members.length} failed: ${String(failed[0]!.reason).slice(0, 300)}`);
  }
  return failed.length === members.length ? NaN : wallMs;
}

export const crowdSection = (rows: readonly CrowdRow[]): Section => ({
  title: 'Many at once',
  about:
    'Total milliseconds of so many ADDs started together, then of as many DELs; one published port each, masquerade.',
  tables: [
    {
      head: ['', 'at once', 'ADD, ms', 'DEL, ms', 'flatnet is'],
      rows: rows.map((row) => {
        const flatnet = rows.find(({ side, size }) => side === 'flatnet' && size === row.size)!;
        const against = row === flatnet ? '' : `${ratio(flatnet.add, row.add)} / ${ratio(flatnet.del, row.del)}`;
        return [row.side, String(row.size), figure(row.add), figure(row.del), against];
      }),
    },
  ],
});
