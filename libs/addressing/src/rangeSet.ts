import type { Ip } from './ip.ts';
import type { Range } from './range.ts';
import type { SortedRanges } from './sorted-ranges.ts';

/**
 * Ranges that do not touch each other's addresses, in the order given: the order in which addresses are counted
 * (`at(0)` is the first address of the first range). Families may be mixed, but an allocator's pool has one.
 */
export class RangeSet {
  readonly ranges: readonly Range[];
  readonly size: bigint;

  constructor(ranges: readonly Range[]) {
    this.ranges = ranges;
    this.size = ranges.reduce((sum, range) => sum + range.size, 0n);
  }

  contains(ip: Ip): boolean {
    return this.ranges.some((range) => range.contains(ip));
  }

  overlaps(other: RangeSet): boolean {
    return this.ranges.some((mine) => other.ranges.some((theirs) => mine.overlaps(theirs)));
  }

  /** The address at a position, counted modulo the size. The set must not be empty. */
  at(position: bigint): Ip {
    let rest = ((position % this.size) + this.size) % this.size;
    for (const range of this.ranges) {
      if (rest < range.size) return range.first.plus(rest);
      rest -= range.size;
    }
    throw new RangeError('an empty range set has no addresses');
  }

  /** The inverse of `at`; undefined for an address that is not in the set. */
  positionOf(ip: Ip): bigint | undefined {
    let before = 0n;
    for (const range of this.ranges) {
      if (range.contains(ip)) return before + (ip.value - range.first.value);
      before += range.size;
    }
    return undefined;
  }

  /** This set without the addresses of `holes`. */
  minus(holes: SortedRanges): RangeSet {
    return new RangeSet(this.ranges.flatMap((range) => holes.cutFrom(range)));
  }

  toString(): string {
    return this.ranges.join(',');
  }
}
