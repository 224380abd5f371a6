import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ip, parseIp, Range, RangeSet } from '@flatnet/addressing';
import { ipName } from '@flatnet/store';
import { freeFrom, usedOf } from '../src/search.ts';

const range = (first: string, last: string): Range => new Range(parseIp(first), parseIp(last));
const pool = new RangeSet([range('10.1.0.2', '10.1.0.4'), range('10.0.0.254', '10.0.1.1')]);
const taken = (...ips: string[]): readonly string[] => ips.map((ip) => ipName(parseIp(ip))).sort();

test('from every position: each free address once, in the order of the pool, around its end', () => {
  const free = ['10.1.0.2', '10.1.0.4', '10.0.0.254', '10.0.1.0', '10.0.1.1'];
  const names = taken('10.1.0.3', '10.0.0.255', '10.9.9.9');
  for (let position = 0n; position < pool.size; position++) {
    const all = Array.from({ length: Number(pool.size) }, (_, step) => pool.at(position + BigInt(step)).toString());
    const found = [...freeFrom(pool, position, names)].map(String);
    expect(found).toEqual(all.filter((ip) => free.includes(ip)));
  }
  expect([...freeFrom(pool, pool.size + 1n, names)].map(String)[0]).toBe('10.1.0.4');
});

test('the only free address of a /16, and none', () => {
  const whole = new RangeSet([range('10.88.0.2', '10.88.255.254')]);
  const names: string[] = [];
  for (let value = 0x0a580002n; value <= 0x0a58fffen; value++) names.push(ipName(new Ip(4, value)));
  expect([...freeFrom(whole, 7n, names)]).toEqual([]);
  const others = names.filter((name) => name !== ipName(parseIp('10.88.78.32')));
  expect([...freeFrom(whole, 40_000n, others)].map(String)).toEqual(['10.88.78.32']);
});

test('what is no address between the names hides none', () => {
  const names = [...taken('10.1.0.2', '10.1.0.3'), 'README', '4-0a01000', '4-0a010003ff', '4-0a010003~', '4-zz'].sort();
  expect([...freeFrom(pool, 0n, names)].map(String)).toEqual([
    '10.1.0.4',
    '10.0.0.254',
    '10.0.0.255',
    '10.0.1.0',
    '10.0.1.1',
  ]);
});

test('any names, any position: what a plain walk finds', () => {
  const ranges = fc.array(fc.tuple(fc.nat(300), fc.nat(20)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(ranges, fc.uniqueArray(fc.nat(400)), fc.nat(400), (lengths, numbers, position) => {
      const ips = numbers.map((number) => parseIp('10.0.0.0').plus(BigInt(number)));
      const spans = lengths.reduce<Range[]>((all, [gap, length]) => {
        const first = (all.at(-1)?.last ?? parseIp('10.0.0.0')).plus(BigInt(gap + 1));
        return [...all, new Range(first, first.plus(BigInt(length)))];
      }, []);
      const set = new RangeSet(spans);
      const held = new Set(ips.map(String));
      const walk = Array.from({ length: Number(set.size) }, (_, step) => String(set.at(BigInt(position + step))));
      const names = ips.map(ipName).sort();
      expect([...freeFrom(set, BigInt(position), names)].map(String)).toEqual(walk.filter((ip) => !held.has(ip)));
      expect(usedOf(set, names)).toBe(walk.filter((ip) => held.has(ip)).length);
    }),
  );
});

test('up to the last address of a family', () => {
  const end = new RangeSet([range('255.255.255.253', '255.255.255.255')]);
  expect([...freeFrom(end, 0n, taken('255.255.255.254'))].map(String)).toEqual(['255.255.255.253', '255.255.255.255']);
  expect([...freeFrom(end, 0n, taken('255.255.255.255'))].map(String)).toEqual(['255.255.255.253', '255.255.255.254']);
});

test('a /64 is not walked', () => {
  const wide = new RangeSet([range('fd00::2', 'fd00::ffff:ffff:ffff:ffff')]);
  const next = freeFrom(wide, wide.size - 1n, taken('fd00::ffff:ffff:ffff:ffff', 'fd00::2')).next();
  expect(String(next.value)).toBe('fd00::3');
});

test('use counts the addresses of the pool alone', () => {
  expect(usedOf(pool, taken('10.1.0.2', '10.1.0.4', '10.1.0.5', '10.0.1.1', 'fd00::1'))).toBe(3);
});
