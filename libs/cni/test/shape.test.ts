import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectShape } from '@flatnet/testing/shapes';
import { readShape, type Shape } from '../src/index.ts';
import { resultSchema } from '../src/result-schema.ts';

const shape: Shape = {
  object: { mtu: { int: [0, 65535] }, ipam: { object: { rangeStart: 'text' }, required: ['rangeStart'] } },
};

describe('readShape', () => {
  it.each<[string, unknown, unknown]>([
    ['keys in any case', { MTU: 9000, IPAM: { rangestart: 'a' } }, { mtu: 9000, ipam: { rangeStart: 'a' } }],
    ['the exact spelling first', { MTU: 1, mtu: 2 }, { mtu: 2 }],
    ['the exact spelling, though it comes first', { mtu: 2, MTU: 1 }, { mtu: 2 }],
    ['null as absent', { mtu: null }, {}],
    ['nothing of what it does not know', JSON.parse('{"__proto__":{"mtu":1},"x":1}'), {}],
  ])('reads %s', (_, json, value) => {
    expect(readShape(shape, json)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ['a number out of bounds', { mtu: 65536 }],
    ['a number with a fraction', { mtu: 1.5 }],
    ['another type', { mtu: '1500' }],
    ['an object without what is required', { ipam: {} }],
    ['a list', []],
    ['no object', 'x'],
  ])('does not read %s', (_, json) => {
    expect(readShape(shape, json)).toBeUndefined();
  });
});

it('the shape of results is that of their schema', async () => {
  await expectShape(resultSchema(), {
    path: join(import.meta.dirname, '../src/result-shape.ts'),
    name: 'resultShape',
    from: './shape.ts',
  });
});
