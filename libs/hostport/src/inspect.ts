/** CHECK: the wanted state against the table as it is. */
import type { ApplyOptions, NftObject, Nft } from '@flatnet/kernel';
import { ADMIN, CHAINS, SETS, TABLE } from './layout.ts';
import { describePort, type Plan, portsOf } from './model.ts';
import { entryKey, type OwnedElement, listElements, sameValue } from './owners.ts';
import type { Records } from './records.ts';
import { chainNames, entriesOf, entriesOfPorts } from './ruleset.ts';

const name = (object: NftObject, kind: string): string | undefined => {
  const inner = object[kind] as NftObject | undefined;
  return inner === undefined ? undefined : String(inner['name'] ?? inner['chain']);
};

const memoized = (ask: (owner: NonNullable<OwnedElement['owner']>) => boolean) => {
  const answers = new Map<string, boolean>();
  return (owner: NonNullable<OwnedElement['owner']>): boolean => {
    const known = answers.get(owner.hash) ?? ask(owner);
    answers.set(owner.hash, known);
    return known;
  };
};

const missingBase = (objects: readonly NftObject[], contentChains: readonly string[]): readonly string[] => {
  const chains = new Set(objects.flatMap((object) => name(object, 'chain') ?? []));
  const sets = new Set(objects.flatMap((object) => name(object, 'map') ?? name(object, 'set') ?? []));
  const rules = objects.flatMap((object) => name(object, 'rule') ?? []);
  return [
    ...[ADMIN, ...Object.keys(CHAINS), ...contentChains]
      .filter((chain) => !chains.has(chain))
      .map((chain) => `chain ${chain}`),
    ...SETS.filter((set) => !sets.has(set)).map((set) => `map ${set}`),
    ...Object.entries(CHAINS).flatMap(([chain, wanted]) => {
      const found = rules.filter((of) => of === chain).length;
      return found < wanted.length ? [`${wanted.length - found} rules of chain ${chain}`] : [];
    }),
  ];
};

/**
 * What of the plan is missing in the kernel, or another container's, in words; empty when all of it stands. A port that another
 * attachment of the same container has stands. Changes nothing.
 */
export const missingPublications = async (
  nft: Nft,
  records: Records,
  plan: Plan,
  options: ApplyOptions = {},
): Promise<readonly string[]> => {
  const listing = await listElements(nft, options);
  if (listing === undefined) return [`nft table ${TABLE.family} ${TABLE.table}`];
  const found = new Map(listing.entries.map((entry) => [entryKey(entry), entry]));
  const stands = (entry: { map: string; key: OwnedElement['key']; value: OwnedElement['value'] }): boolean => {
    const there = found.get(entryKey(entry));
    return there !== undefined && sameValue(there.value, entry.value) && there.owner?.hash === plan.owner.hash;
  };
  const isSibling = memoized(
    (owner: NonNullable<OwnedElement['owner']>) => records.read(owner)?.owner.containerId === plan.owner.containerId,
  );
  const atSibling = (entry: { map: string; key: OwnedElement['key'] }): boolean => {
    const owner = found.get(entryKey(entry))?.owner;
    return owner !== undefined && owner.hash !== plan.owner.hash && isSibling(owner);
  };
  const ports = portsOf(plan.publications).filter((port) => {
    const entries = entriesOfPorts([port]);
    return !entries.every(stands) && !entries.every(atSibling);
  });
  const hairpins = entriesOf({ ...plan, publications: [] }).filter((entry) => !stands(entry));
  return [
    ...missingBase(listing.objects, chainNames(plan)),
    ...ports.map((port) => `port ${describePort(port)} to ${port.address}:${port.port}`),
    ...hairpins.map((entry) => `masquerade element ${String(entry.key)} of map ${entry.map}`),
  ];
};
