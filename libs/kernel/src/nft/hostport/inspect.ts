/** CHECK and GC: the wanted state against the table as it is. */
import { type Run } from '@flatnet/exec';
import { type ApplyOptions, applyNft } from '../apply.ts';
import type { NftObject } from '../commands.ts';
import { ADMIN, CHAINS, SETS, TABLE } from './layout.ts';
import { describePort, type Owner, type Plan, portsOf } from './model.ts';
import { entryKey, type HeldEntry, listHeld, sameValue } from './owners.ts';
import { withdraw } from './publish.ts';
import type { Records } from './record.ts';
import { entriesOf, entriesOfPorts, unclaim } from './ruleset.ts';

const name = (object: NftObject, kind: string): string | undefined => {
  const inner = object[kind] as NftObject | undefined;
  return inner === undefined ? undefined : String(inner['name'] ?? inner['chain']);
};

const missingBase = (objects: readonly NftObject[]): readonly string[] => {
  const chains = new Set(objects.flatMap((object) => name(object, 'chain') ?? []));
  const sets = new Set(objects.flatMap((object) => name(object, 'map') ?? name(object, 'set') ?? []));
  const rules = objects.flatMap((object) => name(object, 'rule') ?? []);
  return [
    ...[ADMIN, ...Object.keys(CHAINS)].filter((chain) => !chains.has(chain)).map((chain) => `chain ${chain}`),
    ...SETS.filter((set) => !sets.has(set)).map((set) => `map ${set}`),
    ...Object.entries(CHAINS).flatMap(([chain, wanted]) => {
      const found = rules.filter((of) => of === chain).length;
      return found < wanted.length ? [`${wanted.length - found} rules of chain ${chain}`] : [];
    }),
  ];
};

/** What of the plan is missing in the kernel, or somebody else's, in words; empty when all of it stands. Changes nothing. */
export const missingPublications = async (
  run: Run,
  plan: Plan,
  options: ApplyOptions = {},
): Promise<readonly string[]> => {
  const listing = await listHeld(run, options);
  if (listing === undefined) return [`nft table ${TABLE.family} ${TABLE.table}`];
  const found = new Map(listing.entries.map((entry) => [entryKey(entry), entry]));
  const stands = (entry: { map: string; key: HeldEntry['key']; value: HeldEntry['value'] }): boolean => {
    const there = found.get(entryKey(entry));
    return there !== undefined && sameValue(there.value, entry.value) && there.owner?.hash === plan.owner.hash;
  };
  const ports = portsOf(plan.publications).filter((port) => !entriesOfPorts([port]).every(stands));
  const hairpins = entriesOf({ ...plan, publications: [] }).filter((entry) => !stands(entry));
  return [
    ...missingBase(listing.objects),
    ...ports.map((port) => `port ${describePort(port)} to ${port.address}:${port.port}`),
    ...hairpins.map((entry) => `masquerade element ${String(entry.key)} of map ${entry.map}`),
  ];
};

/**
 * Withdraws what attachments of a network publish that are not in `valid` (hashes): those with a record, and elements without one. Goes
 * on to the end and throws the failures together.
 *
 * @returns how many attachments were withdrawn.
 */
export const collect = async (
  run: Run,
  records: Records,
  network: Pick<Owner, 'networkHash'>,
  valid: ReadonlySet<string>,
  options: ApplyOptions = {},
): Promise<number> => {
  const failures: unknown[] = [];
  const gone = records.attachmentsOf(network.networkHash).filter((hash) => !valid.has(hash));
  for (const hash of gone) {
    const record = records.read({ networkHash: network.networkHash, hash });
    try {
      if (record !== undefined) await withdraw(run, records, record.owner, options);
    } catch (error) {
      failures.push(error);
    }
  }
  const listing = await listHeld(run, options);
  const orphans = (listing?.entries ?? []).filter(
    ({ owner }) => owner?.networkHash === network.networkHash && !valid.has(owner.hash),
  );
  await applyNft(run, unclaim(orphans), options).catch((error: unknown) => failures.push(error));
  records.removeOtherBoots();
  if (failures.length > 0) throw failures[0];
  return gone.length + new Set(orphans.map(({ owner }) => owner?.hash)).size;
};
