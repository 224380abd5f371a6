import type { Family } from './ip.ts';
import { Range } from './range.ts';

/** Ranges that are asked often, and by thousands: sorted once, those that touch a range are found by halving. */
export class SortedRanges {
  readonly #byFamily: ReadonlyMap<Family, readonly Range[]>;

  constructor(ranges: readonly Range[]) {
    this.#byFamily = new Map(([4, 6] as const).map((family) => [family, merged(ranges, family)]));
  }

  /** The parts of `range` that none of these ranges has, in order. */
  cutFrom(range: Range): readonly Range[] {
    const { family } = range;
    const holes = this.#byFamily.get(family) ?? [];
    const rest: Range[] = [];
    let from = range.first;
    for (let at = firstNotBelow(holes, from.value); at < holes.length; at++) {
      const hole = holes[at]!;
      if (hole.first.value > range.last.value) break;
      if (hole.first.value > from.value) rest.push(new Range(from, hole.first.plus(-1n)));
      if (hole.last.value >= range.last.value) return rest;
      from = hole.last.plus(1n);
    }
    return [...rest, new Range(from, range.last)];
  }
}

const byFirst = (left: Range, right: Range): number => {
  if (left.first.value === right.first.value) return 0;
  return left.first.value < right.first.value ? -1 : 1;
};

/** One family's ranges in order, those that overlap joined. */
const merged = (ranges: readonly Range[], family: Family): readonly Range[] => {
  const joined: Range[] = [];
  for (const range of ranges.filter((each) => each.family === family).sort(byFirst)) {
    const last = joined.at(-1);
    if (last === undefined || !last.overlaps(range)) joined.push(range);
    else if (range.last.value > last.last.value) joined[joined.length - 1] = new Range(last.first, range.last);
  }
  return joined;
};

/** Index of the first range that ends at `value` or above. */
const firstNotBelow = (sorted: readonly Range[], value: bigint): number => {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.last.value < value) low = middle + 1;
    else high = middle;
  }
  return low;
};

/**
 * Two of many ranges that share an address, by their places in the list, the lower one first; undefined if there are none. Of several
 * such pairs one with the lowest place.
 */
export const findOverlap = (ranges: readonly Range[]): readonly [number, number] | undefined => {
  const order = ranges.map((range, place) => ({ range, place }));
  order.sort((left, right) => left.range.family - right.range.family || byFirst(left.range, right.range));
  const pairs: [number, number][] = [];
  let [farthest] = order;
  for (const each of order.slice(1)) {
    if (farthest === undefined) break;
    if (farthest.range.overlaps(each.range)) {
      pairs.push(farthest.place < each.place ? [farthest.place, each.place] : [each.place, farthest.place]);
    }
    if (each.range.family !== farthest.range.family || each.range.last.value > farthest.range.last.value)
      farthest = each;
  }
  return pairs.sort(([a, b], [c, d]) => a - c || b - d)[0];
};
