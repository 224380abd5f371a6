import { expect, test } from 'vitest';
import { parseIp } from '@flatnet/addressing';
import { decodeConfig } from '../src/config.ts';
import { resultOf } from '../src/result.ts';

const resultFor = (ranges: readonly object[], ip: string) => {
  const { allocation } = decodeConfig({ cniVersion: '1.0.0', ipam: { ranges: [ranges] } }, 'ADD');
  const lease = {
    network: 'n',
    attachment: { containerId: 'c', ifName: 'eth0' },
    ips: [parseIp(ip)],
    creator: '1.1.1-1',
    since: '2026-01-01T00:00:00.000Z',
  };
  return resultOf(lease, allocation!)?.ips;
};

test('prefix and gateway are those of the range that the address is of, also where subnets nest', () => {
  const nested = [{ subnet: '10.2.0.0/16', rangeEnd: '10.2.0.20' }, { subnet: '10.2.5.0/24' }];
  expect(resultFor(nested, '10.2.5.7')).toEqual([{ address: '10.2.5.7/24', gateway: '10.2.5.1' }]);
  expect(resultFor(nested, '10.2.0.7')).toEqual([{ address: '10.2.0.7/16', gateway: '10.2.0.1' }]);
});

test('two ranges of one subnet have a gateway each; what is in neither has the first', () => {
  const subnet = '10.1.0.0/24';
  const halves = [
    { subnet, rangeEnd: '10.1.0.99' },
    { subnet, rangeStart: '10.1.0.100', rangeEnd: '10.1.0.199', gateway: '10.1.0.254' },
  ];
  expect(resultFor(halves, '10.1.0.105')).toEqual([{ address: '10.1.0.105/24', gateway: '10.1.0.254' }]);
  expect(resultFor(halves, '10.1.0.200')).toEqual([{ address: '10.1.0.200/24', gateway: '10.1.0.1' }]);
});
