/** Decodes what comes from outside by a shape: a schema as plain data, read without the library that the schema is written with. */
import { isObject } from './field.ts';

/**
 * What a value may be. `text` and `flag` are strings and booleans, `any` is read elsewhere; `int` has its bounds, null where there is none; `word` is one of
 * its words; `checked` is a string that a named check accepts; `object` takes keys in any case, leaves out what it does not know,
 * and reads null as absent.
 */
export type Shape =
  | 'text'
  | 'flag'
  | 'number'
  | 'any'
  | { readonly int: readonly [low: number | null, high: number | null] }
  | { readonly word: readonly string[] }
  | { readonly checked: string }
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly either: readonly Shape[] }
  | { readonly object: Readonly<Record<string, Shape>>; readonly required?: readonly string[] };

/** The checks of a shape by their names. */
export type Checks = Readonly<Record<string, (text: string) => boolean>>;

/** What a decoder throws where the shape does not read a value and the schema is not loaded yet. */
export class ShapeMisfit extends Error {
  override readonly name = 'ShapeMisfit';
}

/** Decodes what the shape does not read: by the schema, once that is loaded. @throws ShapeMisfit, or CniError code 7. */
export type Explain<T> = (json: unknown) => T;

export const misfit: Explain<never> = () => {
  throw new ShapeMisfit('the value does not fit its shape: load the schema, and decode it again');
};

/**
 * The value that `shape` makes of `json`; undefined where it does not fit, which the schema explains. T is the schema's output: a test
 * beside each schema compares both (`expectShape` of `@flatnet/cni/testing`).
 */
export function readShape<T>(shape: Shape, json: unknown, checks: Checks = {}): T | undefined {
  const value = valueOf(shape, json, checks);
  return value === MISFIT ? undefined : (value as T);
}

const MISFIT = Symbol('misfit');

function valueOf(shape: Shape, json: unknown, checks: Checks): unknown {
  if (shape === 'any') return json;
  if (typeof shape === 'string') return typeof json === TYPES[shape] ? json : MISFIT;
  if ('object' in shape) return objectOf(shape, json, checks);
  if ('list' in shape) return Array.isArray(json) ? allOf(json, (item) => valueOf(shape.list, item, checks)) : MISFIT;
  if ('checked' in shape) return typeof json === 'string' && checks[shape.checked]?.(json) === true ? json : MISFIT;
  if ('int' in shape) return isWithin(json, shape.int) ? json : MISFIT;
  if ('word' in shape) return typeof json === 'string' && shape.word.includes(json) ? json : MISFIT;
  if ('map' in shape) return mapOf(shape.map, json, checks);
  for (const each of shape.either) {
    const value = valueOf(each, json, checks);
    if (value !== MISFIT) return value;
  }
  return MISFIT;
}

const TYPES = { text: 'string', flag: 'boolean', number: 'number' } as const;

const isWithin = (json: unknown, [low, high]: readonly [number | null, number | null]): boolean =>
  Number.isSafeInteger(json) && (json as number) >= (low ?? -Infinity) && (json as number) <= (high ?? Infinity);

function allOf(items: readonly unknown[], read: (item: unknown) => unknown): unknown {
  const values: unknown[] = [];
  for (const item of items) {
    const value = read(item);
    if (value === MISFIT) return MISFIT;
    values.push(value);
  }
  return values;
}

/** Go's decoder matches keys without regard to case, and an exact spelling wins over a folded one. */
function objectOf(
  { object, required = [] }: Extract<Shape, { object: unknown }>,
  json: unknown,
  checks: Checks,
): unknown {
  if (!isObject(json)) return MISFIT;
  const spelling = new Map(Object.keys(object).map((key) => [key.toLowerCase(), key]));
  const found = new Map<string, unknown>();
  for (const [key, value] of Object.entries(json)) {
    const known = spelling.get(key.toLowerCase());
    if (known === undefined || value === null || (key !== known && found.has(known))) continue;
    found.set(known, value);
  }
  const entries: [string, unknown][] = [];
  for (const [key, given] of found) {
    const value = valueOf(object[key]!, given, checks);
    if (value === MISFIT) return MISFIT;
    entries.push([key, value]);
  }
  return required.every((key) => found.has(key)) ? Object.fromEntries(entries) : MISFIT;
}

function mapOf(shape: Shape, json: unknown, checks: Checks): unknown {
  if (!isObject(json)) return MISFIT;
  const values = allOf(Object.values(json), (value) => valueOf(shape, value, checks));
  if (values === MISFIT) return MISFIT;
  return Object.fromEntries(Object.keys(json).map((key, at) => [key, (values as unknown[])[at]]));
}
