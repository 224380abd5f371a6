import { Ip, type Range, type RangeSet } from '@flatnet/addressing';
import { ipName, ipNameOf } from '@flatnet/store';

/**
 * The addresses of `pool` from `position` on, once around, that are not in `taken` (names by `ipName`, sorted, each once).
 *
 * A full /16 is 65,533 names, and a /64 more addresses than can be walked. Names are of fixed width, so they sort as their numbers
 * do, and a gap is found by halving: between two of them nothing is free if they are as far apart in the list as in number.
 */
export function* freeFrom(pool: RangeSet, position: bigint, taken: readonly string[]): Generator<Ip> {
  for (const span of spansFrom(pool, position)) yield* freeIn(span, taken);
}

function* freeIn({ family, first, last }: Span, taken: readonly string[]): Generator<Ip> {
  const end = upperBound(taken, ipNameOf(family, last));
  let at = lowerBound(taken, ipNameOf(family, first));
  for (let value = first; value <= last;) {
    const run = runLength(taken, at, end, family, value);
    at += run;
    value += BigInt(run);
    // What another program put into the folder sorts between two names and is passed over.
    while (at < end && numberOf(taken[at]!) === undefined) at++;
    const next = at < end ? numberOf(taken[at]!)! : last + 1n;
    for (; value < next; value++) yield new Ip(family, value);
  }
}

/** How many names from `at` on follow each other without a gap, beginning with that of `value`. */
function runLength(taken: readonly string[], at: number, end: number, family: 4 | 6, value: bigint): number {
  return firstFailing(end - at, (length) => taken[at + length] === ipNameOf(family, value + BigInt(length)));
}

/** How many of `taken` (as above) lie in `pool`. */
export const usedOf = (pool: RangeSet, taken: readonly string[]): number =>
  pool.ranges
    .map(({ first, last }) => upperBound(taken, ipName(last)) - lowerBound(taken, ipName(first)))
    .reduce((sum, used) => sum + used, 0);

const lowerBound = (sorted: readonly string[], name: string): number =>
  firstFailing(sorted.length, (at) => sorted[at]! < name);

const upperBound = (sorted: readonly string[], name: string): number =>
  firstFailing(sorted.length, (at) => sorted[at]! <= name);

/** The first of 0 … count - 1 for which `holds` is false, or `count`: once false, it stays false. */
function firstFailing(count: number, holds: (at: number) => boolean): number {
  let low = 0;
  for (let high = count; low < high;) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The number in a name; undefined for what is none. */
const numberOf = (name: string): bigint | undefined =>
  /^(?:4-[0-9a-f]{8}|6-[0-9a-f]{32})$/.test(name) ? BigInt(`0x${name.slice(2)}`) : undefined;

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
