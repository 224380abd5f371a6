import { Ip, type Range, type RangeSet } from '@flatnet/addressing';
import { ipName, ipNameOf } from '@flatnet/store';

/**
 * The addresses of `pool` from `position` on, once around, that are not in `taken` (names by `ipName`).
 *
 * Works on numbers and names, since a full /16 is 65,533 steps. Every step meets a taken address or answers, so this ends after
 * as many of them even in an IPv6 /64.
 */
export function* freeFrom(pool: RangeSet, position: bigint, taken: ReadonlySet<string>): Generator<Ip> {
  for (const { family, first, last } of spansFrom(pool, position)) {
    for (let value = first; value <= last; value++) {
      if (!taken.has(ipNameOf(family, value))) yield new Ip(family, value);
    }
  }
}

/** How many of `taken` lie in `pool`. Names are of fixed width, so they compare as their numbers do. */
export const usedOf = (pool: RangeSet, taken: ReadonlySet<string>): number => {
  const bounds = pool.ranges.map(({ first, last }) => [ipName(first), ipName(last)] as const);
  let used = 0;
  for (const name of taken) if (bounds.some(([first, last]) => name >= first && name <= last)) used++;
  return used;
};

interface Span {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** The ranges of a pool in the order of a search that begins at `position`: the one that holds it is cut in two. */
const spansFrom = ({ ranges, size }: RangeSet, position: bigint): readonly Span[] => {
  let skip = ((position % size) + size) % size;
  let at = 0;
  for (let range = ranges[0]; range !== undefined && skip >= range.size; range = ranges[at]) {
    skip -= range.size;
    at++;
  }
  const begin = ranges[at];
  if (begin === undefined) return [];
  const whole = ({ family, first, last }: Range): Span => ({ family, first: first.value, last: last.value });
  const cut = begin.first.value + skip;
  return [
    { ...whole(begin), first: cut },
    ...[...ranges.slice(at + 1), ...ranges.slice(0, at)].map(whole),
    { ...whole(begin), last: cut - 1n },
  ];
};
