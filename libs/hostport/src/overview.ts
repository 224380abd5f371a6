/** All records against the table as it is, in one listing: for people and for repairs. Changes nothing. */
import type { NftJson, ApplyOptions, Nft } from '@flatnet/kernel';
import { describePort, type Family, portsOf, type Protocol } from './model.ts';
import { entryKey, type OwnedElement, listElements, sameValue } from './owners.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';
import { entriesOf, entriesOfPorts } from './ruleset.ts';

/** What an attachment publishes, and which of it the kernel does not have (or has for another attachment). */
export interface Standing {
  readonly record: PublishRecord;
  /** In words, as `describePort` has them; empty when all stands. */
  readonly missing: readonly string[];
}

/** Elements with our mark whose attachment has no record: no call will ever withdraw them. */
export interface Orphan {
  readonly networkHash: string;
  readonly hash: string;
  /** Ports in words; elements of other maps by the map's name. */
  readonly elements: readonly string[];
}

export interface Overview {
  readonly standing: readonly Standing[];
  readonly orphans: readonly Orphan[];
}

/**
 * Compares what is recorded with what is there. A record is written before its first element and removed after its last, so the table
 * is listed first: an element without a record is then no ADD or DEL that is under way.
 *
 * @throws ToolError.
 */
export const overview = async (nft: Nft, all: readonly Records[], options: ApplyOptions = {}): Promise<Overview> => {
  const entries = (await listElements(nft, options))?.entries ?? [];
  const records = all.flatMap((each) => each.all());
  const byKey = new Map(entries.map((entry) => [entryKey(entry), entry]));
  return {
    standing: records.map((record) => ({ record, missing: missingOf(record, byKey) })),
    orphans: orphansOf(entries, new Set(records.map(({ owner }) => owner.hash))),
  };
};

const missingOf = (record: PublishRecord, found: ReadonlyMap<string, OwnedElement>): readonly string[] => {
  const stands = (entry: Pick<OwnedElement, 'map' | 'key' | 'value'>): boolean => {
    const there = found.get(entryKey(entry));
    return there !== undefined && sameValue(there.value, entry.value) && there.owner?.hash === record.owner.hash;
  };
  return [
    ...portsOf(record.publications)
      .filter((port) => !entriesOfPorts([port]).every(stands))
      .map(describePort),
    ...entriesOf({ ...record, publications: [] })
      .filter((entry) => !stands(entry))
      .map(({ key }) => `masquerade of published flows to ${String(key)}`),
  ];
};

const orphansOf = (entries: readonly OwnedElement[], recorded: ReadonlySet<string>): readonly Orphan[] => {
  const orphans = new Map<string, { networkHash: string; elements: string[] }>();
  for (const { owner, map, key } of entries) {
    if (owner === undefined || recorded.has(owner.hash)) continue;
    const known = orphans.get(owner.hash) ?? { networkHash: owner.networkHash, elements: [] };
    known.elements.push(wordsOf(map, key));
    orphans.set(owner.hash, known);
  }
  return [...orphans].map(([hash, rest]) => ({ hash, ...rest }));
};

const PORT_MAP = /^(any|address)([46])$/;

const wordsOf = (map: string, key: NftJson): string => {
  const [, kind, digit] = PORT_MAP.exec(map) ?? [];
  const parts = (key as { concat?: readonly NftJson[] } | null)?.concat;
  if (kind === undefined || parts === undefined) return `element ${JSON.stringify(key)} of map ${map}`;
  const family = Number(digit) as Family;
  const [hostIp, protocol, hostPort] = kind === 'any' ? [undefined, ...parts] : parts;
  return describePort({
    family,
    protocol: String(protocol) as Protocol,
    hostPort: Number(hostPort),
    ...(hostIp === undefined ? {} : { hostIp: String(hostIp) }),
  });
};
