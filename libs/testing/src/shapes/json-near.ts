import * as fc from 'fast-check';
import type { Shape } from '@flatnet/cni';

/** Texts that the named checks of configurations accept or nearly accept. */
const TEXTS = [
  '',
  'a',
  '/run/a',
  '10.1.0.0/24',
  '10.1.0.7',
  'fd00::1',
  '0.0.0.0/0',
  '10.1.0.0/33',
  '::ffff:10.0.0.1',
  ' 10.1.0.7',
];
const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ maxLength: 4 }));
const wrong = fc.oneof(
  fc.constantFrom(null, true, -1, 1.5, 2 ** 53, 'x', [], {}, [null]),
  fc.jsonValue({ maxDepth: 1 }),
);

/** JSON that fits a shape, or misses it in a place or two: keys in another case, twice, unknown, absent, null; other types; bounds. */
export function jsonNear(shape: Shape): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: fitting(shape) }, { weight: 1, arbitrary: wrong });
}

function fitting(shape: Shape): fc.Arbitrary<unknown> {
  if (shape === 'text') return text;
  if (shape === 'flag') return fc.boolean();
  if (shape === 'any') return fc.jsonValue({ maxDepth: 2 });
  if (shape === 'number') return fc.double({ noNaN: true, noDefaultInfinity: true });
  if ('checked' in shape) return text;
  if ('word' in shape) return fc.oneof(fc.constantFrom(...shape.word), text);
  if ('list' in shape) return fc.array(jsonNear(shape.list), { maxLength: 3 });
  if ('map' in shape) return fc.dictionary(fc.string({ maxLength: 3 }), jsonNear(shape.map), { maxKeys: 3 });
  if ('either' in shape) return fc.oneof(...shape.either.map(jsonNear));
  if ('int' in shape) {
    const [low, high] = shape.int;
    const [min, max] = [low ?? Number.MIN_SAFE_INTEGER, high ?? Number.MAX_SAFE_INTEGER];
    return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, min - 1, max + 1));
  }
  const key = (name: string) => fc.constantFrom(name, name, name, name.toUpperCase(), name.toLowerCase());
  const required = new Set(shape.required ?? []);
  const entries = Object.entries(shape.object).map(([name, of]) =>
    fc.option(fc.tuple(key(name), fc.oneof({ weight: 9, arbitrary: jsonNear(of) }, fc.constant(null))), {
      freq: required.has(name) ? 50 : 1,
    }),
  );
  const stranger = fc.option(fc.tuple(fc.constantFrom('__proto__', 'other', 'constructor'), fc.jsonValue()));
  return fc.tuple(fc.tuple(...entries), stranger).map(([known, other]) => {
    const pairs = [...known, other].filter((entry) => entry !== null);
    // JSON.parse makes "__proto__" a key like any other.
    return JSON.parse(
      `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`,
    ) as unknown;
  });
}
