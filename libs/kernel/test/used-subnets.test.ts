import { parseCidr } from '@flatnet/addressing';
import type { RunResult } from '@flatnet/exec';
import { expect, it } from 'vitest';
import { findOverlap, usedSubnetOf } from '../src/index.ts';
import { FakeKernel } from '../src/testing.ts';

it.each([
  [{ dst: 'default', dev: 'eth0' }, undefined],
  [{ dst: '0.0.0.0/0', dev: 'eth0' }, undefined],
  [{ dst: '0.0.0.0/1', dev: 'tun0' }, undefined],
  [{ dst: '128.0.0.0/1', dev: 'tun0' }, undefined],
  [{ dst: '8.0.0.0/7', dev: 'wg0' }, undefined],
  [{ dst: '::/1', dev: 'tun0' }, undefined],
  [{ dst: '2000::/3', dev: 'tun0' }, undefined],
  [{ dst: 'fc00::/7', dev: 'mesh0' }, 'fc00::/7 by mesh0'],
  [{ dst: '10.0.0.0/8', dev: 'tun0' }, '10.0.0.0/8 by tun0'],
  [{ dst: '10.88.0.0/16', dev: 'eth0' }, '10.88.0.0/16 by eth0'],
  [{ dst: '10.88.0.7', dev: 'eth0' }, '10.88.0.7/32 by eth0'],
  [{ dst: 'fd00::7', dev: 'eth0' }, 'fd00::7/128 by eth0'],
  [{ dst: '10.88.0.0/16', type: 'unreachable' }, undefined],
  [{ dst: '10.88.0.0/16', type: 'blackhole' }, undefined],
  [{ dst: '10.88.0.0/16', type: 'prohibit' }, undefined],
  [{ dst: 'fc00::/7', type: 'unreachable', dev: 'lo' }, undefined],
  [{ dst: 'fe80::/64', dev: 'eth0' }, undefined],
  [{ dst: '10.88.0.0/16', nexthops: [{ dev: 'eth1' }, { dev: 'eth2' }] }, '10.88.0.0/16 by eth1'],
  [{ dst: 'nonsense' }, undefined],
])('%j is the network %s', (route, wanted) => {
  const used = usedSubnetOf(route);
  expect(used === undefined ? undefined : `${used.subnet} by ${used.device}`).toBe(wanted);
});

const answer = (routes: object[]): RunResult => ({
  ...{ exitCode: 0, stdout: JSON.stringify(routes), stderr: '', ending: 'exit' },
});

it('asks for the routes that overlap only, and passes over the own bridge', async () => {
  const kernel = new FakeKernel();
  kernel.intercept = ({ line }) =>
    line.includes(' root ')
      ? answer([{ dst: '10.88.0.0/16', dev: 'br0' }])
      : line.includes(' match ')
        ? answer([
            { dst: 'default', dev: 'eth0' },
            { dst: '10.0.0.0/8', dev: 'tun0' },
          ])
        : undefined;
  const subnet = parseCidr('10.88.0.1/16');
  expect(String((await findOverlap(kernel, subnet, 'br0'))?.subnet)).toBe('10.0.0.0/8');
  expect(kernel.calls.map(({ line }) => line)).toEqual([
    'ip -j -4 route show table main root 10.88.0.0/16',
    'ip -j -4 route show table main match 10.88.0.0/16',
  ]);
});
