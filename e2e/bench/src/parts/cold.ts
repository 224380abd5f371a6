import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, NETAVARK, REFERENCE } from '../peers.ts';
import { mediansMs } from '../sample.ts';
import { makeNetns, Sandbox, tool } from '../sandbox.ts';
import { cniSide } from '../sides/cni.ts';
import { NetavarkSide } from '../sides/netavark.ts';
import { container, published, type Side } from '../sides/side.ts';

/** ADD with the executables read from the disk again, and right after it with them in the page cache; milliseconds. */
export interface ColdRow {
  readonly side: string;
  readonly cold: number;
  readonly warm: number;
}

/** dd's way to posix_fadvise(DONTNEED): pages of a file that no process maps leave the page cache. */
const dropCache = (path: string): string => tool('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);

/** First start after a boot, or after the memory was needed elsewhere: only the plugins are cold, not the tools they call. */
export async function cold(rounds: number): Promise<readonly ColdRow[]> {
  progress('cold start: page cache of the executables dropped');
  const sides: readonly Side[] = [
    cniSide(FLATNET, new Sandbox('cold-flatnet'), { full: true }),
    ...(REFERENCE ? [cniSide(REFERENCE, new Sandbox('cold-reference'), { full: true })] : []),
    ...(NETAVARK ? [new NetavarkSide(new Sandbox('cold-netavark'), NETAVARK)] : []),
  ];
  makeNetns(sides.map((_, at) => `cold-${at}`));
  const samples = await inTurn(sides, rounds, 15_000, async (side) => {
    const one = container(`cold-${sides.indexOf(side)}`, 2, published(8080));
    side.executables.forEach(dropCache);
    const first = await side.attach(one);
    await side.detach(one);
    const second = await side.attach(one);
    await side.detach(one);
    return { cold: first, warm: second };
  });
  sides.forEach((side) => side.sandbox.stop());
  const of = (start: 'cold' | 'warm') =>
    mediansMs(sides.map((side) => samples.get(side)!.map((sample) => sample[start])));
  const [colds, warms] = [of('cold'), of('warm')];
  return sides.map((side, at) => ({ side: side.name, cold: colds[at]!, warm: warms[at]! }));
}

export const coldSection = (rows: readonly ColdRow[]): Section => ({
  title: 'Cold start',
  about: 'ADD of the chain with the executables out of the page cache, and warm; milliseconds.',
  tables: [
    {
      head: ['', 'cold', 'warm', 'flatnet is (cold)'],
      rows: rows.map(({ side, ...row }, at) => [
        side,
        figure(row.cold),
        figure(row.warm),
        at === 0 ? '' : ratio(rows[0]!.cold, row.cold),
      ]),
    },
  ],
});
