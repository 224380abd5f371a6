import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '@flatnet/digest';

const expected = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('sha256Hex', () => {
  it('answers the published value for "abc"', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('agrees with node:crypto at every length around the block boundaries', () => {
    for (let length = 0; length <= 200; length++) {
      expect(sha256Hex('x'.repeat(length))).toBe(expected('x'.repeat(length)));
    }
  });

  it('hashes UTF-8 bytes, a lone surrogate as its replacement', () => {
    for (const text of ['grün', '\0', '漢字🙂', '\ud800', 'a\0b']) expect(sha256Hex(text)).toBe(expected(text));
  });
});
