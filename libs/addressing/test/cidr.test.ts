import { describe, expect, test } from 'vitest';
import { AddressError, parseCidr, parseIp, parseIpOrCidr } from '@flatnet/addressing';

describe('parseCidr', () => {
  test.each([
    ['10.1.0.5/24', '10.1.0.0', '10.1.0.255', '10.1.0.1', '10.1.0.254', true],
    ['10.1.0.0/30', '10.1.0.0', '10.1.0.3', '10.1.0.1', '10.1.0.2', false],
    ['10.1.0.0/31', '10.1.0.0', '10.1.0.1', '10.1.0.0', '10.1.0.1', false],
    ['10.1.0.7/32', '10.1.0.7', '10.1.0.7', '10.1.0.7', '10.1.0.7', false],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255', '0.0.0.1', '255.255.255.254', false],
    ['fd00::5/64', 'fd00::', 'fd00::ffff:ffff:ffff:ffff', 'fd00::1', 'fd00::ffff:ffff:ffff:ffff', true],
    ['fd00::/127', 'fd00::', 'fd00::1', 'fd00::', 'fd00::1', false],
    ['::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ])('%s', (text, network, last, first, lastUsable, hostBits) => {
    const cidr = parseCidr(text);
    expect(cidr.toString()).toBe(text);
    expect([cidr.network, cidr.last, cidr.firstUsable, cidr.lastUsable].map(String)).toEqual([
      network,
      last,
      first,
      lastUsable,
    ]);
    expect(cidr.hasHostBits).toBe(hostBits);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/024',
    '10.0.0.0/8/8',
    '/8',
    'fd00::/129',
    'fd00::/6 4',
  ])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(AddressError);
  });

  test('contains and overlaps never cross families', () => {
    const net = parseCidr('10.1.0.0/16');
    expect(net.contains(parseIp('10.1.255.255'))).toBe(true);
    expect(net.contains(parseIp('10.2.0.0'))).toBe(false);
    expect(net.contains(parseIp('::a01:1'))).toBe(false);
    expect(net.overlaps(parseCidr('10.0.0.0/8'))).toBe(true);
    expect(parseCidr('10.1.9.0/24').overlaps(net)).toBe(true);
    expect(net.overlaps(parseCidr('10.2.0.0/16'))).toBe(false);
    expect(parseCidr('0.0.0.0/0').overlaps(parseCidr('::/0'))).toBe(false);
  });

  test('a requested address may come with a length', () => {
    expect(parseIpOrCidr('10.1.0.5/24')).toMatchObject({ prefix: 24 });
    expect(parseIpOrCidr('10.1.0.5').prefix).toBeUndefined();
  });
});
