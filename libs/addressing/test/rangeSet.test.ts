import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressError, Ip, parseCidr, findOverlap, parseIp, Range, RangeSet, SortedRanges } from '@flatnet/addressing';

const range = (first: string, last: string) => new Range(parseIp(first), parseIp(last));

describe('Range', () => {
  test('refuses a wrong order and two families', () => {
    expect(() => range('10.0.0.2', '10.0.0.1')).toThrow(AddressError);
    expect(() => range('10.0.0.2', 'fd00::1')).toThrow(AddressError);
  });

  test('knows its size and its members', () => {
    const whole = Range.ofCidr(parseCidr('10.0.0.0/24'));
    expect(whole.size).toBe(256n);
    expect(whole.overlaps(range('10.0.0.255', '10.0.1.5'))).toBe(true);
    expect(whole.overlaps(range('10.0.1.0', '10.0.1.5'))).toBe(false);
    expect(String(Range.ofIp(parseIp('fd00::1')))).toBe('fd00::1-fd00::1');
  });
});

test('findOverlap finds a pair where there is one, and none where there is none', () => {
  const small = fc
    .tuple(fc.constantFrom(4 as const, 6 as const), fc.nat(200), fc.nat(9))
    .map(([family, start, length]) => new Range(new Ip(family, BigInt(start)), new Ip(family, BigInt(start + length))));
  fc.assert(
    fc.property(fc.array(small, { maxLength: 12 }), (ranges) => {
      const pairs = ranges.flatMap((one, at) =>
        ranges.flatMap((other, place) => (place > at && one.overlaps(other) ? [[at, place]] : [])),
      );
      const found = findOverlap(ranges);
      if (pairs.length === 0) expect(found).toBeUndefined();
      else expect(pairs).toContainEqual(found);
    }),
  );
});

describe('RangeSet', () => {
  const set = new RangeSet([range('10.0.1.0', '10.0.1.3'), range('10.0.0.10', '10.0.0.11')]);

  test('counts addresses in the order of its ranges and wraps around', () => {
    expect([0n, 3n, 4n, 5n, 6n, -1n].map((position) => String(set.at(position)))).toEqual([
      '10.0.1.0',
      '10.0.1.3',
      '10.0.0.10',
      '10.0.0.11',
      '10.0.1.0',
      '10.0.0.11',
    ]);
    expect(set.positionOf(parseIp('10.0.0.11'))).toBe(5n);
    expect(set.positionOf(parseIp('10.0.0.12'))).toBeUndefined();
    expect(() => new RangeSet([]).at(0n)).toThrow(RangeError);
  });

  test('minus removes exactly the holes', () => {
    const small = fc
      .tuple(fc.nat(40), fc.nat(15))
      .map(([start, length]) => new Range(new Ip(4, BigInt(start)), new Ip(4, BigInt(start + length))));
    fc.assert(
      fc.property(small, fc.array(small, { maxLength: 5 }), (whole, holes) => {
        const rest = new RangeSet([whole]).minus(new SortedRanges(holes));
        for (let value = 0n; value < 60n; value++) {
          const ip = new Ip(4, value);
          expect(rest.contains(ip)).toBe(whole.contains(ip) && !holes.some((hole) => hole.contains(ip)));
          const position = rest.positionOf(ip);
          if (position !== undefined) expect(rest.at(position).equals(ip)).toBe(true);
        }
      }),
    );
  });
});
