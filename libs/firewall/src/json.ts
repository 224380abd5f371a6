/** Reading nft's JSON (libnftables-json(5)), which other programs wrote: nothing is taken for granted. */
export type Json = Readonly<Record<string, unknown>>;

export const recordOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The only key of an object and its value: nft writes statements and expressions that way. */
export function entryOf(value: unknown): readonly [name: string, body: unknown] | undefined {
  const [first] = Object.entries(recordOf(value));
  return first;
}
