import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { CniError, ErrorCode, shown } from '../src/index.ts';
import { configObject, decode } from '../src/schema.ts';

const schema = configObject({
  mtu: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  ipam: z.optional(configObject({ rangeStart: z.string() })),
});

const refusal = (json: unknown): CniError => {
  try {
    decode(schema, json, 'configuration');
  } catch (error) {
    if (error instanceof CniError) return error;
  }
  throw new Error('it was accepted');
};

describe('decode', () => {
  it('matches keys in any case, at every level', () => {
    expect(decode(schema, { MTU: 9000, IPAM: { rangestart: 'a' } }, 'c')).toEqual({
      mtu: 9000,
      ipam: { rangeStart: 'a' },
    });
  });
  it('lets the exact spelling win', () => {
    expect(decode(schema, { MTU: 1, mtu: 2 }, 'c')).toEqual({ mtu: 2 });
    expect(decode(schema, { mtu: 2, MTU: 1 }, 'c')).toEqual({ mtu: 2 });
  });
  it('drops unknown keys, __proto__ included', () => {
    const value = decode(schema, JSON.parse('{"__proto__":{"mtu":1},"x":1}'), 'c');
    expect(Object.keys(value)).toEqual([]);
    expect(value.mtu).toBeUndefined();
  });
  it('reads null as absent', () => {
    expect(decode(schema, { mtu: null }, 'c')).toEqual({});
  });
  it('names the field, its value and what was expected', () => {
    const error = refusal({ ipam: { rangeStart: 7 } });
    expect(error.code).toBe(ErrorCode.invalidConfig);
    expect(error.details).toContain('ipam.rangeStart is 7: expected string');
    expect(refusal({ mtu: 70000 }).details).toContain('mtu is 70000: must be at most 65535');
  });
  it('cuts and escapes what it shows of a stranger', () => {
    expect(shown('a\nb')).toBe('"a\\nb"');
    expect(shown('x'.repeat(999)).length).toBeLessThan(210);
  });
});
