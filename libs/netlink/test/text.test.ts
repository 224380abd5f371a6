import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../src/route/family.ts';
import { ipBytes, ipText, macBytes, macText } from '../src/text.ts';

describe('IP addresses', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
    ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ])('%s is written %s', (text, written) => {
    expect(ipText(ipBytes(text))).toBe(written);
  });

  it.each([
    '',
    '10.1.2',
    '10.1.2.3.4',
    '10.1.2.256',
    '10.1.2.03',
    '10.1.2.',
    '.1.2.3',
    ' 10.1.2.3',
    '10.1.2.3/8',
    'fe80::1%eth0',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::10.0.0',
    '10.0.0.1::',
    '::1:',
  ])('refuses "%s"', (text) => {
    expect(() => ipBytes(text)).toThrow(RangeError);
  });

  it('reads what it writes', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc
        .array(fc.constantFrom(0, 0, 0, 255, 1), { minLength: 16, maxLength: 16 })
        .map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(fc.property(address, (bytes) => void expect(ipBytes(ipText(bytes))).toEqual(bytes)));
  });

  it('takes what Node takes, and nothing else', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc
        .array(fc.constantFrom('0', '1', 'f', ':', '::', '.', '25', '10.0.0.1'), { maxLength: 12 })
        .map((parts) => parts.join('')),
    );
    const isTaken = (address: string): boolean => {
      try {
        return ipBytes(address).length > 0;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(text, (address) => isTaken(address) === (isIP(address) !== 0)),
      { numRuns: 2000 },
    );
  });

  it('have prefixes', () => {
    expect(parsePrefix('10.1.2.3/24')).toMatchObject({ length: 24, family: 2 });
    expect(parsePrefix('fd00::1')).toMatchObject({ length: 128, family: 10 });
    for (const wrong of ['10.1.2.3/33', '10.1.2.3/', '10.1.2.3/+1', 'fd00::1/129', '10.1.2.3/1e1', '/24']) {
      expect(() => parsePrefix(wrong), wrong).toThrow(RangeError);
    }
  });
});

describe('MAC addresses', () => {
  it('are written in lower case', () => {
    expect(macText(macBytes('02:AB:cd:00:0f:ff'))).toBe('02:ab:cd:00:0f:ff');
    expect(macText(new Uint8Array())).toBe('');
  });

  it.each([
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:0g',
    '02-00-00-00-00-01',
    '02:00:00:00:00:01:',
    '2:0:0:0:0:1',
    '02:00:00:00:00:011',
  ])('refuses "%s"', (text) => {
    expect(() => macBytes(text)).toThrow(RangeError);
  });
});
