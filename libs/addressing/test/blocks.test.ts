import { expect, test } from 'vitest';
import { parseCidr } from '@flatnet/addressing';
import { blocksOf } from '@flatnet/addressing/blocks';

test.each([
  ['10.87.0.0/16', 24, 256, '10.87.0.0/24', '10.87.255.0/24'],
  ['10.87.3.9/23', 25, 4, '10.87.2.0/25', '10.87.3.128/25'],
  ['10.0.0.0/8', 8, 1, '10.0.0.0/8', '10.0.0.0/8'],
  ['fd00::/60', 64, 16, 'fd00::/64', 'fd00:0:0:f::/64'],
])('%s has blocks of /%i', (text, prefix, count, first, last) => {
  const blocks = blocksOf(parseCidr(text), prefix).map(String);
  expect([blocks.length, blocks[0], blocks.at(-1)]).toEqual([count, first, last]);
  expect(new Set(blocks).size).toBe(count);
});

test('a block larger than the subnet is refused', () => {
  expect(() => blocksOf(parseCidr('10.0.0.0/24'), 16)).toThrow();
});
