/** Owners of elements, read from a listing of the table. Only conflicts, CHECK, GC and a lost record come here. */
import { type ApplyOptions, elementsOf, listNftTable, type NftJson, type NftObject, type Nft } from '@flatnet/kernel';
import { SETS, TABLE } from './layout.ts';
import { ownerInComment, type Entry } from './ruleset.ts';

/** An element as listed. `owner` is undefined when the comment is not ours. */
export interface OwnedElement extends Entry {
  readonly owner?: { readonly networkHash: string; readonly hash: string };
}

const isObject = (value: unknown): value is NftObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const held = (map: string, element: NftJson): OwnedElement | undefined => {
  if (!Array.isArray(element)) return undefined;
  const [left, value] = element as [NftJson, NftJson];
  const inner = isObject(left) && isObject(left['elem']) ? left['elem'] : undefined;
  const owner = ownerInComment(inner?.['comment']);
  return { map, key: inner?.['val'] ?? left, value, ...(owner === undefined ? {} : { owner }) };
};

/** The table as it is: its elements, and the objects without them. */
export interface Listing {
  readonly objects: readonly NftObject[];
  readonly entries: readonly OwnedElement[];
}

/** Lists the whole table; undefined when it does not exist. */
export const listElements = async (nft: Nft, options: ApplyOptions = {}): Promise<Listing | undefined> => {
  const objects = await listNftTable(nft, TABLE.family, TABLE.table, { doing: 'list the published ports', ...options });
  if (objects === undefined) return undefined;
  const entries = SETS.flatMap((map) => elementsOf(objects, map).flatMap((element) => held(map, element) ?? []));
  return { objects, entries };
};

/**
 * Equal for elements with the same key. nft prints protocols by name or number as the host's /etc/protocols has them, and numbers are
 * what it was given as text too.
 */
export const entryKey = ({ map, key }: Pick<Entry, 'map' | 'key'>): string => `${map} ${JSON.stringify(normal(key))}`;

export const sameValue = (a: NftJson, b: NftJson): boolean => JSON.stringify(normal(a)) === JSON.stringify(normal(b));

const PROTOCOLS: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '132': 'sctp' };

const normal = (value: NftJson): NftJson => {
  if (Array.isArray(value)) return value.map(normal);
  if (isObject(value)) return Object.entries(value).map(([name, inner]) => [name, normal(inner)]);
  const text = String(value);
  return PROTOCOLS[text] ?? text;
};
