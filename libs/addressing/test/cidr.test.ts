import { describe, expect, test } from 'vitest';
import { AddressError, parseCidr, parseHostOrCidr, parseIp, parseIpOrCidr } from '@flatnet/addressing';

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
    '10.0.0.0/033',
    '10.0.0.0/+24',
    '10.0.0.0/0x18',
    '10.0.0.0/24.0',
    '10.0.0.0/255.255.255.0',
    '10.1/16',
    '010.0.0.0/8',
    'fe80::%eth0/64',
    'fe80::/64%eth0',
    // Larger than the IPv4 that they map, or longer than an address.
    '::ffff:10.0.0.0/95',
    '::ffff:0:0/0',
    '::ffff:10.0.0.0/129',
  ])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(AddressError);
  });

  test.each([
    ['::ffff:10.1.0.0/112', '10.1.0.0/16'],
    ['::ffff:a01:5/120', '10.1.0.5/24'],
    ['::ffff:0.0.0.0/96', '0.0.0.0/0'],
    ['::ffff:192.0.2.1/128', '192.0.2.1/32'],
    ['FD00::A/64', 'fd00::a/64'],
    ['64:ff9b::1.2.3.4/96', '64:ff9b::102:304/96'],
    ['::fffe:0:0/95', '::fffe:0:0/95'],
  ])('%s is %s', (text, printed) => {
    expect(String(parseCidr(text))).toBe(printed);
    expect(String(parseHostOrCidr(text))).toBe(printed);
  });

  test('an address without a length stands for itself', () => {
    expect(['10.0.0.1', '::ffff:10.0.0.1', 'FD00::1'].map((text) => String(parseHostOrCidr(text)))).toEqual([
      '10.0.0.1/32',
      '10.0.0.1/32',
      'fd00::1/128',
    ]);
    expect(parseIpOrCidr('::ffff:10.0.0.1/120')).toMatchObject({ prefix: 24 });
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
