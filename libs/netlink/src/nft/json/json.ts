/** nft's JSON language (libnftables-json(5)) as plain values. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** The value has a form that is not among those that this library turns into messages. */
export class UnsupportedJson extends Error {
  override readonly name = 'UnsupportedJson';
  constructor(
    what: string,
    readonly value: Json | undefined,
  ) {
    super(`${what}: ${JSON.stringify(value)}`);
  }
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `{ payload: … }` as `['payload', …]`: the only key of an object, and its value. */
export function only(value: Json | undefined): readonly [string, Json] | undefined {
  if (!isObject(value)) return undefined;
  const [entry, ...others] = Object.entries(value);
  return others.length === 0 ? entry : undefined;
}

/** A field that must be an object. @throws UnsupportedJson. */
export function objectIn(value: Json | undefined, what: string): JsonObject {
  if (!isObject(value)) throw new UnsupportedJson(`${what} is not an object`, value);
  return value;
}

/** @throws UnsupportedJson. */
export function textIn(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== 'string') throw new UnsupportedJson(`${key} is not a text`, object);
  return value;
}
