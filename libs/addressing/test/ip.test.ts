import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressError, Ip, ipFromHex, parseIp } from '@flatnet/addressing';

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
    ['::ffff:10.0.0.1', 6, 0xffff0a000001n, '::ffff:10.0.0.1'],
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
      '1:2:3:4:5:6:7:',
      ':1:2:3:4:5:6:7',
      '1::2:',
      '::ffff:1.2.3.400',
    ],
  ])('refuses %j and says so with the text', (text) => {
    expect(() => parseIp(text)).toThrow(AddressError);
    expect(() => parseIp(text)).toThrow(expect.objectContaining({ text }) as Error);
  });

  test('accepts and refuses what the C library does, zones and leading zeros aside', () => {
    const group = fc.stringMatching(/^[0-9a-f]{0,5}$/);
    const nearly = fc.array(group, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':'));
    fc.assert(
      fc.property(fc.oneof(nearly, fc.ipV6(), fc.ipV4()), (text) => {
        const known = isIP(text);
        if (known === 0) expect(() => parseIp(text)).toThrow(AddressError);
        else expect(parseIp(text).family).toBe(known);
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
        expect(parseIp(ip.toString()).equals(ip)).toBe(true);
        expect(ipFromHex(ip.family, ip.toHex()).equals(ip)).toBe(true);
        expect(ip.toHex()).toHaveLength(ip.family === 4 ? 8 : 32);
      }),
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
