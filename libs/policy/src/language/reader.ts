/** Reads JSON of a policy, where an unknown key is a fault: a typo would open a door. */
import { PolicyFault, shown } from './fault.ts';

type Json = Readonly<Record<string, unknown>>;

/** The fields of an object, by their spelling in `known`; keys may be in any case, and null is absent. @throws PolicyFault. */
export function objectAt<K extends string>(
  field: string,
  value: unknown,
  known: readonly K[],
): Partial<Record<K, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PolicyFault(field, `${shown(value)} is no object`);
  const found: Partial<Record<K, unknown>> = {};
  for (const [key, inner] of Object.entries(value as Json)) {
    const name = known.find((each) => each.toLowerCase() === key.toLowerCase());
    if (name === undefined) throw new PolicyFault(`${field}.${key}`, `unknown key; use one of ${known.join(', ')}`);
    if (inner === null) continue;
    if (found[name] !== undefined) throw new PolicyFault(`${field}.${key}`, `${name} is given twice; keep one`);
    found[name] = inner;
  }
  return found;
}

/** A list with something in it: an empty one means all to one reader and nothing to another. @throws PolicyFault. */
export function listAt<T>(field: string, value: unknown, read: (field: string, item: unknown) => T): readonly T[] {
  const items = itemsAt(field, value, read);
  if (items.length === 0) throw new PolicyFault(field, 'the list is empty; leave the key out to mean any');
  return items;
}

/** A list, empty ones too. @throws PolicyFault. */
export function itemsAt<T>(field: string, value: unknown, read: (field: string, item: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new PolicyFault(field, `${shown(value)} is no list`);
  return value.map((item, index) => read(`${field}[${index}]`, item));
}

/** @throws PolicyFault. */
export function wordAt<W extends string>(field: string, value: unknown, words: readonly W[]): W {
  const found = typeof value === 'string' && words.find((word) => word.toLowerCase() === value.toLowerCase());
  if (found === undefined || found === false)
    throw new PolicyFault(field, `${shown(value)} is unknown; use one of ${words.join(', ')}`);
  return found;
}

/** @throws PolicyFault. */
export function textAt(field: string, value: unknown, pattern: RegExp, meaning: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new PolicyFault(field, `${shown(value)} is not ${meaning}`);
}

/** @throws PolicyFault. */
export function portAt(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
  throw new PolicyFault(field, `${shown(value)} is no port; use a number from 1 to 65535`);
}
