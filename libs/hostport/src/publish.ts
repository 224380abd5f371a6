/**
 * Publishing an attachment's ports.
 *
 * Invariant: the kernel's elements are the claims. A port is ours when `create` succeeded, never because a file says so.
 *
 * One port, two spellings: published on all addresses it is a key of `any`, published on one it is a key of `address`, so two
 * containers could claim both at once. Story: B publishes on 192.0.2.1. It leaves a hint on disk, then claims in `address` and asserts,
 * in the same transaction, that `any` is free. A publishes on all: it claims in `any`, then looks for the hint. The second of both to claim
 * sees the other: if B's transaction is second, its assertion fails; if A's is second, the hint was there before it.
 */
import { type ApplyOptions, applyNft, type NftCommand, type Nft } from '@flatnet/kernel';
import { findConflicts, PortInUse } from './conflict.ts';
import { noteInterface } from './interfaces.ts';
import { baseCommands, TABLE, USES } from './layout.ts';
import { listenKey, mergePorts, type Plan, portKey, portsOf } from './model.ts';
import { entryKey, listElements } from './owners.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';
import { isKind, releaseAll } from './release.ts';
import {
  addElements,
  chainNames,
  contentChains,
  createElements,
  type Entry,
  entriesOf,
  guardInterface,
} from './ruleset.ts';
import { refuseIfAny, release, releaseAsListed, removeChains } from './ruleset.ts';

const ATTEMPTS = 5;

/** Whether no rule was flushed. Elements tell nothing of it: `nft flush table` leaves them. */
const isBaseWhole = async (nft: Nft, options: ApplyOptions): Promise<boolean> => {
  const counts = await nft.countUses(TABLE, [...USES.keys()], options);
  return [...USES.values()].every((wanted, index) => (counts[index] ?? 0) >= wanted);
};

/** Builds table, chains and maps, whatever is there. */
export const buildBase = (nft: Nft, plans: readonly Plan[], options: ApplyOptions): Promise<void> =>
  applyNft(nft, baseCommands([...contentChains(plans).values()].flat()), options);

const entryText = ({ map, key, value }: Entry): string => JSON.stringify([map, key, value]);

/** What to send to come from `old` to `plan`: only the difference is claimed and released. */
const transition = (plan: Plan, old: Plan | undefined): readonly NftCommand[] => {
  const wanted = entriesOf(plan);
  const before = old === undefined ? [] : entriesOf(old);
  const known = new Set(before.map(entryText));
  const after = new Set(before.length === 0 ? [] : wanted.map(entryText));
  // By key: after a killed ADD the record may tell two targets of one port, and a key is deleted once.
  const dropped = new Map(
    before.filter((entry) => !after.has(entryText(entry))).map((entry) => [entryKey(entry), entry]),
  );
  const wasThere = (entry: Entry): boolean => known.size > 0 && known.has(entryText(entry));
  return [
    ...guardInterface(plan),
    ...release(plan.owner, [...dropped.values()]),
    ...createElements(
      plan.owner,
      wanted.filter((entry) => !wasThere(entry)),
    ),
    ...addElements(plan.owner, wanted.filter(wasThere)),
    // Also what the record has: the kernel may have lost it (a killed ADD, a flush), and another container has all addresses by now.
    ...refuseIfAny(
      plan.owner,
      portsOf(plan.publications).filter(({ hostIp }) => hostIp !== undefined),
    ),
  ];
};

/** What a publication did beside claiming: dead owners that had to go. */
export interface Published {
  readonly replaced: readonly PublishRecord[];
  /** The table was not whole: it is the first publication, or a flush took what others had. */
  readonly isBaseBuilt: boolean;
}

/**
 * Publishes exactly what `record` says: what the attachment published before and does not want any more is withdrawn in the same
 * transaction. Elements of dead owners are replaced, in the same transaction too.
 *
 * @throws PortInUse when a living attachment holds one of the ports (nothing has changed then); ToolError.
 */
export const publish = async (
  nft: Nft,
  records: Records,
  record: PublishRecord,
  options: ApplyOptions = {},
): Promise<Published> => {
  const named = { doing: 'publish ports', ...options };
  const old = records.read(record.owner);
  const ports = portsOf(record.publications);
  // Until the transaction has happened the record tells both lists: a DEL after a crash finds whichever is in force.
  records.write(old === undefined ? record : { ...record, ...union(record, old) });
  records.hints.addAddresses(record.owner, ports);
  await noteInterface(nft, records, record, named);
  const chains = firstUse(records, record);
  try {
    const { replaced, isBaseBuilt } = await claimAll(nft, records, record, { chains, old }, named);
    const seen = await yieldToAddresses(nft, records, record, named);
    if (old !== undefined) await forgetOld(nft, records, record, old, named);
    return { replaced: [...replaced, ...seen], isBaseBuilt };
  } catch (error) {
    if (error instanceof PortInUse) {
      if (old === undefined) records.remove(record);
      // The attachment's own DEL may have removed it meanwhile.
      else if (records.read(record.owner) !== undefined) records.write(old);
    }
    throw error;
  }
};

/** Commands for the content chains that no attachment has used so far. Chains that are there all the same are built anew. */
const firstUse = (records: Records, { owner, ...plan }: PublishRecord): readonly NftCommand[] =>
  [...contentChains([plan])].flatMap(([name, commands]) =>
    records.hints.chains.add(name, owner.hash) ? commands : [],
  );

/** After a repeated ADD: hints and chains that only the old list needed. */
const forgetOld = async (
  nft: Nft,
  records: Records,
  record: PublishRecord,
  old: PublishRecord,
  options: ApplyOptions,
): Promise<void> => {
  const { owner } = record;
  const listening = new Set(portsOf(record.publications).map(listenKey));
  records.hints.dropAddresses(
    owner,
    portsOf(old.publications).filter((port) => !listening.has(listenKey(port))),
  );
  const used = chainNames(record);
  const idle = chainNames(old).filter((name) => !used.includes(name) && records.hints.chains.drop(name, owner.hash));
  records.write(record);
  try {
    await applyNft(nft, removeChains(idle), options);
  } catch (error) {
    // Another call uses one again, or has deleted it.
    if (!isKind(error, 'busy', 'not-found')) throw error;
  }
};

/** What is in one of them or in both, each once. */
const union = (a: Plan, b: Plan): Pick<Plan, 'publications' | 'hairpins'> => {
  const ports = portsOf([...a.publications, ...b.publications]);
  const hairpins = [...a.hairpins, ...b.hairpins];
  return {
    publications: mergePorts([...new Map(ports.map((port) => [portKey(port), port])).values()]),
    hairpins: [...new Map(hairpins.map((hairpin) => [Object.values(hairpin).join(), hairpin])).values()],
  };
};

/**
 * The first transaction trusts the record: it sends the difference. Once that has failed over a base that is whole, only the kernel's own
 * list counts, since a record can name elements and chains that a flush took. Rules that a flush took are made again after the claim.
 */
const claimAll = async (
  nft: Nft,
  records: Records,
  record: PublishRecord,
  { chains, old }: { readonly chains: readonly NftCommand[]; readonly old: Plan | undefined },
  options: ApplyOptions,
): Promise<Published> => {
  let commands = [...chains, ...transition(record, old)];
  let dead: readonly PublishRecord[] = [];
  let isBaseBuilt = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await applyNft(nft, commands, options);
      if (!isBaseBuilt && !(await isBaseWhole(nft, options))) {
        await buildBase(nft, [record], options);
        isBaseBuilt = true;
      }
      for (const gone of dead) records.remove(gone);
      return { replaced: dead, isBaseBuilt };
    } catch (error) {
      if (attempt === ATTEMPTS || !isKind(error, 'not-found', 'exists', 'busy')) throw error;
      if (isKind(error, 'not-found') && !isBaseBuilt) {
        await buildBase(nft, [record], options);
        isBaseBuilt = true;
        continue;
      }
      const listing = await listElements(nft, options);
      const conflicts = findConflicts(record, listing?.entries ?? [], records);
      dead = conflicts.dead;
      commands = [...chains, ...releaseAsListed(conflicts.obsolete), ...transition(record, undefined)];
    }
  }
};

/** After claiming on all addresses: the container that has one of these ports on a single address was there before us. */
const yieldToAddresses = async (
  nft: Nft,
  records: Records,
  record: PublishRecord,
  options: ApplyOptions,
): Promise<readonly PublishRecord[]> => {
  if (!records.hints.mayBeOnAddress(portsOf(record.publications))) return [];
  const listing = await listElements(nft, options);
  try {
    const foreign = (listing?.entries ?? []).filter((entry) => entry.owner?.hash !== record.owner.hash);
    const conflicts = findConflicts(record, foreign, records);
    if (conflicts.obsolete.length > 0) {
      // A dead owner may still have had the masquerade of our address.
      const keys = new Set(conflicts.obsolete.map(entryKey));
      const ours = entriesOf(record).filter((entry) => keys.has(entryKey(entry)));
      await applyNft(nft, [...releaseAsListed(conflicts.obsolete), ...createElements(record.owner, ours)], options);
    }
    for (const gone of conflicts.dead) records.remove(gone);
    return conflicts.dead;
  } catch (error) {
    const idle = chainNames(record).filter((name) => records.hints.chains.drop(name, record.owner.hash));
    await releaseAll(nft, record.owner, entriesOf(record), idle, options);
    throw error;
  }
};
