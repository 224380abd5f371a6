import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressError, Ip, ipFromHex, parseCidr, parseHostOrCidr, parseIp } from '@flatnet/addressing';

/** By Node, not by our own reading: a mapped address is in this subnet. */
const mappedAddresses = new BlockList();
mappedAddresses.addSubnet('::ffff:0:0', 96, 'ipv6');
const isMapped = (text: string): boolean => isIP(text) === 6 && mappedAddresses.check(text, 'ipv6');

describe('parseIp', () => {
  test.each([
    ['10.88.0.5', 4, 0x0a580005n, '10.88.0.5'],
    ['0.0.0.0', 4, 0n, '0.0.0.0'],
    ['255.255.255.255', 4, 0xffffffffn, '255.255.255.255'],
    ['::', 6, 0n, '::'],
    ['::1', 6, 1n, '::1'],
    ['FD00:0:0:1:0:0:0:A', 6, 0xfd00000000000001000000000000000an, 'fd00:0:0:1::a'],
    ['2001:db8::0:1', 6, 0x20010db8000000000000000000000001n, '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', 6, 0x20010db8000000010001000100010001n, '2001:db8:0:1:1:1:1:1'],
    ['::ffff:10.0.0.1', 4, 0x0a000001n, '10.0.0.1'],
    ['::FFFF:c000:201', 4, 0xc0000201n, '192.0.2.1'],
    ['0:0:0:0:0:ffff:0:0', 4, 0n, '0.0.0.0'],
    // Neither is IPv4-mapped: one prefix is IPv4-translated (RFC 6145), the other IPv4-compatible (deprecated).
    ['::ffff:0:10.0.0.1', 6, 0xffff00000a000001n, '::ffff:0:a00:1'],
    ['::10.0.0.1', 6, 0x0a000001n, '::a00:1'],
    ['64:ff9b::1.2.3.4', 6, 0x64ff9b0000000000000000_01020304n, '64:ff9b::102:304'],
  ] as const)('%s', (text, family, value, printed) => {
    const ip = parseIp(text);
    expect([ip.family, ip.value, ip.toString()]).toEqual([family, value, printed]);
  });

  test.each([
    ...[
      '',
      ' ',
      '1.2.3',
      '1.2.3.4.5',
      '010.0.0.1',
      '1.2.3.256',
      '1.2.3.04',
      '0x1.2.3.4',
      '1.2.3.4 ',
      '1.2.3.4\n',
      '+1.2.3.4',
    ],
    ...[
      ':',
      ':::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      'fe80::1%eth0',
      'fe80::1%',
      '12345::',
      'g::1',
      '1:2:3:4:5:6:7::8',
    ],
    ...[
      '::1.2.3.04',
      '::1.2.3.4:1',
      '1.2.3.4::',
      '::1/64',
      '١.2.3.4',
      '::ffff:010.0.0.1',
      '::ffff:1.2.3',
      '::fffff:1.2.3.4',
      '0177.0.0.1',
      '167772161',
      '0xa000001',
      '1:2:3:4:5:6:7:',
      ':1:2:3:4:5:6:7',
      '1::2:',
      '::ffff:1.2.3.400',
    ],
  ])('refuses %j and says so with the text', (text) => {
    expect(() => parseIp(text)).toThrow(AddressError);
    expect(() => parseIp(text)).toThrow(expect.objectContaining({ text }) as Error);
  });

  const blanks = ['\u0020', '\t', '\n', '\r', '\v', '\0', '\u00a0', '\u200b', '\u2060', '\ufeff'];
  test.each(blanks)('refuses the blank %j before, in and after an address', (blank) => {
    for (const text of ['10.0.0.1', 'fd00::1', '::ffff:10.0.0.1']) {
      for (let at = 0; at <= text.length; at++) {
        const given = text.slice(0, at) + blank + text.slice(at);
        expect(() => parseIp(given), JSON.stringify(given)).toThrow(AddressError);
        expect(() => parseCidr(`${given}/24`), JSON.stringify(given)).toThrow(AddressError);
      }
      for (const given of [
        `${text}/${blank}120`,
        `${text}/120${blank}`,
        `${text}${blank}/120`,
        `${text}/12${blank}0`,
      ]) {
        expect(() => parseCidr(given), JSON.stringify(given)).toThrow(AddressError);
        expect(() => parseHostOrCidr(given), JSON.stringify(given)).toThrow(AddressError);
      }
    }
  });

  test('accepts and refuses what the C library does, zones and leading zeros aside', () => {
    const group = fc.stringMatching(/^[0-9a-f]{0,5}$/);
    const nearly = fc.array(group, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':'));
    const mapped = fc.tuple(fc.constantFrom('::ffff:', '::FFFF:', '0:0:0:0:0:ffff:', '::fffe:', '::'), fc.ipV4());
    const any = fc.oneof(
      nearly,
      fc.ipV6(),
      fc.ipV4(),
      mapped.map(([prefix, ip]) => `${prefix}${ip}`),
    );
    fc.assert(
      fc.property(any, (text) => {
        const known = isIP(text);
        if (known === 0) expect(() => parseIp(text)).toThrow(AddressError);
        else expect(parseIp(text).family).toBe(isMapped(text) ? 4 : known);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('spelling', () => {
  const value6 = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });

  test('IPv6 is printed as the URL standard prints it (RFC 5952)', () => {
    fc.assert(
      fc.property(value6, (groups) => {
        const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
        fc.pre(value >> 32n !== 0xffffn);
        expect(`[${new Ip(6, value)}]`).toBe(new URL(`http://[${groups.map((g) => g.toString(16)).join(':')}]`).host);
      }),
    );
  });

  test('text and hexadecimal come back to the same number', () => {
    const any = fc.oneof(
      fc.bigInt(0n, (1n << 32n) - 1n).map((value) => new Ip(4, value)),
      fc.bigInt(0n, (1n << 128n) - 1n).map((value) => new Ip(6, value)),
    );
    fc.assert(
      fc.property(any, (ip) => {
        fc.pre(ip.family === 4 || ip.value >> 32n !== 0xffffn);
        expect(parseIp(ip.toString()).equals(ip)).toBe(true);
        expect(ipFromHex(ip.family, ip.toHex()).equals(ip)).toBe(true);
        expect(ip.toHex()).toHaveLength(ip.family === 4 ? 8 : 32);
      }),
    );
  });

  test('what is printed is parsed to the same address, and printed the same', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          fc.ipV4().map((ip) => `::ffff:${ip}`),
        ),
        (text) => {
          const ip = parseIp(text);
          expect(parseIp(String(ip)).equals(ip)).toBe(true);
          expect(String(parseIp(String(ip)))).toBe(String(ip));
        },
      ),
    );
  });

  test('a number beyond the family is refused', () => {
    expect(() => new Ip(4, 1n << 32n)).toThrow(AddressError);
    expect(() => new Ip(6, -1n)).toThrow(AddressError);
    expect(() => parseIp('255.255.255.255').plus(1n)).toThrow(AddressError);
    expect(() => ipFromHex(4, '0A000001')).toThrow(AddressError);
    expect(() => ipFromHex(4, '0a00001')).toThrow(AddressError);
  });
});
