/** A table as it is. */
import { elementsOf, listNft, type ApplyOptions, type NftJson, type NftObject, type Nft } from '@flatnet/kernel';
import { ToolError } from '@flatnet/exec';
import { BRIDGE_BASE, INET_BASE, ownerOfChain, type Base } from './layout.ts';
import type { RuleOwner } from './model.ts';
import type { Element } from './wanted.ts';

export interface Listing {
  readonly base: Base;
  /** Chain -> the expressions of its rules, in order. */
  readonly chains: ReadonlyMap<string, readonly NftJson[]>;
  /** Names of maps and sets. */
  readonly maps: ReadonlySet<string>;
  /** Of our maps, those that jump or go to a chain. */
  readonly elements: readonly Element[];
}

const named = (object: NftObject, kind: string): NftObject[] => {
  const inner = object[kind];
  return typeof inner === 'object' && inner !== null ? [inner as NftObject] : [];
};

const targetOf = (value: NftJson): string | undefined => {
  const verdict = value as { jump?: { target?: string }; goto?: { target?: string } } | null;
  return verdict?.jump?.target ?? verdict?.goto?.target;
};

/** An element is `[key, verdict]`, or `[{elem: {val: key, …}}, verdict]` where it has a comment. */
const readElement =
  (map: string) =>
  (element: NftJson): Element[] => {
    if (!Array.isArray(element)) return [];
    const [left, value] = element as [NftJson, NftJson];
    const inner = (left as { elem?: { val?: NftJson } } | null)?.elem;
    const target = targetOf(value);
    return target === undefined ? [] : [{ map, key: inner?.val ?? left, target }];
  };

export function readListing(base: Base, objects: readonly NftObject[]): Listing {
  const chains = new Map<string, NftJson[]>();
  for (const { name } of objects.flatMap((object) => named(object, 'chain'))) chains.set(String(name), []);
  for (const { chain, expr } of objects.flatMap((object) => named(object, 'rule'))) {
    chains.get(String(chain))?.push(expr ?? []);
  }
  const maps = objects
    .flatMap((object) => [...named(object, 'map'), ...named(object, 'set')])
    .map(({ name }) => String(name));
  const elements = Object.keys(base.maps).flatMap((map) => elementsOf(objects, map).flatMap(readElement(map)));
  return { base, chains, maps: new Set(maps), elements };
}

/** Undefined where the table does not exist, or the kernel knows no tables of its family. @throws ToolError. */
export async function listTable(nft: Nft, base: Base, options: ApplyOptions = {}): Promise<Listing | undefined> {
  try {
    const objects = await listNft(nft, base.at, { doing: `list table ${base.at.family} ${base.at.table}`, ...options });
    return objects === undefined ? undefined : readListing(base, objects);
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'failed' && /not supported/i.test(error.reason)) return undefined;
    throw error;
  }
}

/** Both tables, as far as they exist. @throws ToolError. */
export async function listTables(nft: Nft, options: ApplyOptions = {}): Promise<readonly Listing[]> {
  const found = await Promise.all([INET_BASE, BRIDGE_BASE].map((base) => listTable(nft, base, options)));
  return found.filter((listing) => listing !== undefined);
}

/** What of a table belongs to the owners that `choose` picks. */
export interface Owned {
  readonly chains: readonly string[];
  readonly elements: readonly Element[];
}

export function ownedBy(listing: Listing, choose: (owner: RuleOwner) => boolean): Owned {
  const isChosen = (chain: string): boolean => {
    const owner = ownerOfChain(chain);
    return owner !== undefined && choose(owner);
  };
  return {
    chains: [...listing.chains.keys()].filter(isChosen),
    elements: listing.elements.filter(({ target }) => isChosen(target)),
  };
}

/** Equal for keys that mean the same: nft prints numbers and texts as it was given them. */
export const keyText = ({ map, key }: Pick<Element, 'map' | 'key'>): string => `${map} ${JSON.stringify(key)}`;

/** How nft prints an expression depends on its version in these ways: a whole prefix, a set of one, `in` and `==`. */
export const canonical = (value: NftJson): string => JSON.stringify(plain(value));

function plain(value: NftJson): NftJson {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Readonly<Record<string, NftJson>>;
  const prefix = object['prefix'] as { addr?: string; len?: number } | undefined;
  if (prefix?.addr !== undefined && prefix.len === (prefix.addr.includes(':') ? 128 : 32)) return prefix.addr;
  // `syn | rst`, or the list of both.
  if (Array.isArray(object['|'])) return object['|'].map(plain);
  const members = object['set'];
  if (Array.isArray(members)) {
    const texts = members.map(plain).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return texts.length === 1 ? (texts[0] as NftJson) : { set: texts };
  }
  const entries = Object.entries(object).map(([key, entry]): [string, NftJson] => [
    key,
    key === 'op' && entry === 'in' ? '==' : plain(entry),
  ]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
