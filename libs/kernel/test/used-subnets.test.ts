import { parseCidr } from '@flatnet/addressing';
import { expect, it } from 'vitest';
import { appendRoute, findOverlap, usedSubnetOf } from '../src/index.ts';
import { FakeKernel } from '../src/testing.ts';

it.each([
  ['0.0.0.0/0', 'unicast', 'eth0', undefined],
  ['0.0.0.0/1', 'unicast', 'tun0', undefined],
  ['128.0.0.0/1', 'unicast', 'tun0', undefined],
  ['8.0.0.0/7', 'unicast', 'wg0', undefined],
  ['::/1', 'unicast', 'tun0', undefined],
  ['2000::/3', 'unicast', 'tun0', undefined],
  ['fc00::/7', 'unicast', 'mesh0', 'fc00::/7 by mesh0'],
  ['10.0.0.0/8', 'unicast', 'tun0', '10.0.0.0/8 by tun0'],
  ['10.88.0.0/16', 'unicast', 'eth0', '10.88.0.0/16 by eth0'],
  ['10.88.0.7/32', 'unicast', 'eth0', '10.88.0.7/32 by eth0'],
  ['fd00::7/128', 'unicast', 'eth0', 'fd00::7/128 by eth0'],
  ['10.88.0.0/16', 'unreachable', undefined, undefined],
  ['10.88.0.0/16', 'blackhole', undefined, undefined],
  ['10.88.0.0/16', 'prohibit', undefined, undefined],
  ['fc00::/7', 'unreachable', 'lo', undefined],
  ['fe80::/64', 'unicast', 'eth0', undefined],
])('%s (%s, %s) is the network %s', (destination, type, device, wanted) => {
  const used = usedSubnetOf({ destination, type, ...(device === undefined ? {} : { device }) });
  expect(used === undefined ? undefined : `${used.subnet} by ${used.device}`).toBe(wanted);
});

it('passes over the own bridge and default routes', () => {
  const kernel = new FakeKernel();
  const route = (dst: string, dev: string): void => kernel.rtnetlink.apply(appendRoute({ family: 4, dst, dev }));
  route('10.88.0.0/16', 'br0');
  route('0.0.0.0/0', 'eth0');
  const subnet = parseCidr('10.88.0.1/16');
  expect(findOverlap(kernel, subnet, 'br0')).toBeUndefined();
  route('10.0.0.0/8', 'tun0');
  expect(String(findOverlap(kernel, subnet, 'br0')?.subnet)).toBe('10.0.0.0/8');
});
