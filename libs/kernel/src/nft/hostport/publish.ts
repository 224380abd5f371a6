/**
 * Publishing and withdrawing an attachment's ports.
 *
 * Invariant: the kernel's elements are the claims. A port is ours when `create` succeeded, never because a file says so.
 *
 * One port, two spellings: published on all addresses it is a key of `any`, published on one it is a key of `address`, so two
 * containers could claim both at once. Story: B publishes on 192.0.2.1. It leaves a hint on disk, then claims in `address` and asserts,
 * in the same transaction, that `any` is free. A publishes on all: it claims in `any`, then looks for the hint. Whoever claims second
 * sees the other: if B's transaction is second, its assertion fails; if A's is second, the hint was there before it.
 */
import { type Run, ToolError } from '@flatnet/exec';
import { type ApplyOptions, applyFixedText, applyNft } from '../apply.ts';
import type { NftCommand } from '../commands.ts';
import { dropMasquerade, ensureMasquerade } from '../masquerade.ts';
import { findConflicts, PortHeld } from './conflict.ts';
import { baseCommands, TARGET_MAPS } from './layout.ts';
import { listenKey, type Owner, type Plan, portsOf } from './model.ts';
import { listHeld } from './owners.ts';
import type { PublishRecord, Records } from './record.ts';
import {
  claim,
  contentChains,
  type Entry,
  entriesOf,
  guardInterface,
  keep,
  refuseIfAny,
  release,
  unclaim,
} from './ruleset.ts';

const ATTEMPTS = 4;

const isKind = (error: unknown, kind: 'not-found' | 'exists'): boolean =>
  error instanceof ToolError && error.kind === kind;

/** Builds table, chains and maps, whatever is there. Two transactions: see `applyFixedText`. */
const buildBase = async (run: Run, plans: readonly Plan[], options: ApplyOptions): Promise<void> => {
  await applyFixedText(run, TARGET_MAPS, options);
  await applyNft(run, baseCommands(contentChains(plans)), options);
};

const entryText = ({ map, key, value }: Entry): string => JSON.stringify([map, key, value]);

/** What to send to come from `old` to `plan`: only the difference is claimed and released. */
const transition = (plan: Plan, old: Plan | undefined): readonly NftCommand[] => {
  const before = new Set((old === undefined ? [] : entriesOf(old)).map(entryText));
  const wanted = entriesOf(plan);
  const after = new Set(wanted.map(entryText));
  const dropped = old === undefined ? [] : entriesOf(old).filter((entry) => !after.has(entryText(entry)));
  const isPort = (entry: Entry): boolean => !entry.map.startsWith('hairpin');
  const oldPorts = new Set(portsOf(old?.publications ?? []).map(listenKey));
  const newOnAddress = portsOf(plan.publications).filter(
    (port) => port.hostIp !== undefined && !oldPorts.has(listenKey(port)),
  );
  return [
    ...guardInterface(plan),
    ...release(plan.owner, dropped),
    ...claim(
      plan.owner,
      wanted.filter((entry) => isPort(entry) && !before.has(entryText(entry))),
    ),
    ...keep(
      plan.owner,
      wanted.filter((entry) => !isPort(entry) || before.has(entryText(entry))),
    ),
    ...refuseIfAny(plan.owner, newOnAddress),
  ];
};

/** What a publication did beside claiming: dead owners that had to go. */
export interface Published {
  readonly replaced: readonly PublishRecord[];
}

/**
 * Publishes exactly what `record` says: what the attachment published before and does not want any more is withdrawn in the same
 * transaction. Elements of dead owners are replaced, in the same transaction too.
 *
 * @throws PortHeld when a living attachment holds one of the ports (nothing has changed then); ToolError.
 */
export const publish = async (
  run: Run,
  records: Records,
  record: PublishRecord,
  options: ApplyOptions = {},
): Promise<Published> => {
  const named = { doing: 'publish ports', ...options };
  const old = records.read(record.owner);
  const ports = portsOf(record.publications);
  // Until the transaction has happened the record tells both lists: a DEL after a crash finds whichever is in force.
  records.write(old === undefined ? record : { ...record, ...union(record, old) });
  records.hintAddresses(record.owner, ports);
  try {
    const replaced = await claimAll(run, records, record, transition(record, old), named);
    const seen = await yieldToAddresses(run, records, record, named);
    if (old !== undefined) {
      const listening = new Set(ports.map(listenKey));
      records.forgetAddresses(
        record.owner,
        portsOf(old.publications).filter((port) => !listening.has(listenKey(port))),
      );
      records.write(record);
    }
    return { replaced: [...replaced, ...seen] };
  } catch (error) {
    if (error instanceof PortHeld) {
      if (old === undefined) records.remove(record);
      else records.write(old);
    }
    throw error;
  }
};

const union = (a: Plan, b: Plan): Pick<Plan, 'publications' | 'hairpins'> => ({
  publications: [...a.publications, ...b.publications],
  hairpins: [...a.hairpins, ...b.hairpins],
});

const claimAll = async (
  run: Run,
  records: Records,
  record: PublishRecord,
  commands: readonly NftCommand[],
  options: ApplyOptions,
): Promise<readonly PublishRecord[]> => {
  let takeover: readonly Pick<Entry, 'map' | 'key'>[] = [];
  let dead: readonly PublishRecord[] = [];
  for (let attempt = 1; ; attempt += 1) {
    try {
      await applyNft(run, [...unclaim(takeover), ...commands], options);
      for (const gone of dead) records.remove(gone);
      return dead;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      if (isKind(error, 'not-found') && takeover.length === 0) await buildBase(run, [record], options);
      else if (isKind(error, 'not-found')) takeover = [];
      else if (isKind(error, 'exists')) {
        const listing = await listHeld(run, options);
        const conflicts = findConflicts(record, listing?.entries ?? [], records);
        takeover = conflicts.obsolete;
        dead = conflicts.dead;
      } else throw error;
    }
  }
};

/** After claiming on all addresses: whoever has one of these ports on a single address was there before us. */
const yieldToAddresses = async (
  run: Run,
  records: Records,
  record: PublishRecord,
  options: ApplyOptions,
): Promise<readonly PublishRecord[]> => {
  if (!records.mayBeOnAddress(portsOf(record.publications))) return [];
  const listing = await listHeld(run, options);
  try {
    const foreign = (listing?.entries ?? []).filter((entry) => entry.owner?.hash !== record.owner.hash);
    const conflicts = findConflicts(record, foreign, records);
    if (conflicts.obsolete.length > 0) await applyNft(run, unclaim(conflicts.obsolete), options);
    for (const gone of conflicts.dead) records.remove(gone);
    return conflicts.dead;
  } catch (error) {
    await releaseAll(run, record.owner, entriesOf(record), options);
    throw error;
  }
};

/** Releases entries by value; where that cannot tell, by the owner's mark in a listing. */
const releaseAll = async (
  run: Run,
  owner: Owner,
  entries: readonly Entry[] | undefined,
  options: ApplyOptions,
): Promise<void> => {
  if (entries !== undefined) {
    try {
      await applyNft(run, release(owner, entries), options);
      return;
    } catch (error) {
      if (!isKind(error, 'not-found') && !isKind(error, 'exists')) throw error;
    }
  }
  for (let attempt = 1; ; attempt += 1) {
    const listing = await listHeld(run, options);
    const own = (listing?.entries ?? []).filter((entry) => entry.owner?.hash === owner.hash);
    try {
      await applyNft(run, unclaim(own), options);
      return;
    } catch (error) {
      if (!isKind(error, 'not-found') || attempt === ATTEMPTS) throw error;
    }
  }
};

/**
 * Withdraws everything that the attachment publishes; success when that is nothing. `recordMayBeLost` allows to list the table when there
 * is no record: to be set when the caller knows of ports.
 *
 * @returns what was withdrawn, as far as it is known.
 */
export const withdraw = async (
  run: Run,
  records: Records,
  owner: Owner,
  options: ApplyOptions & { readonly recordMayBeLost?: boolean } = {},
): Promise<PublishRecord | undefined> => {
  const named = { doing: 'withdraw ports', ...options };
  const record = records.read(owner);
  if (record === undefined && options.recordMayBeLost !== true) return undefined;
  await releaseAll(run, owner, record === undefined ? undefined : entriesOf(record), named);
  if (record === undefined) return undefined;
  records.remove(record);
  if (record.masquerade !== undefined) await dropUnused(run, records, record, named);
  return record;
};

/** The last attachment of a network takes its masquerade along. One that came meanwhile has its record, and gets it back. */
const dropUnused = async (run: Run, records: Records, record: PublishRecord, options: ApplyOptions): Promise<void> => {
  const { masquerade, owner } = record;
  if (masquerade === undefined || records.attachmentsOf(owner.networkHash).length > 0) return;
  await dropMasquerade(run, masquerade.tag, options);
  if (records.attachmentsOf(owner.networkHash).length > 0) await ensureMasquerade(run, masquerade, options);
};

/** What a rebuild did. */
export interface Reloaded {
  readonly published: number;
  /** Attachments whose container is gone: not rebuilt, record removed. */
  readonly dropped: readonly PublishRecord[];
  readonly failed: readonly { readonly record: PublishRecord; readonly reason: string }[];
}

/** Rebuilds base and elements of every living attachment from the records: after `nft flush ruleset`, a firewall's reload, or by hand. */
export const reload = async (
  run: Run,
  records: Records,
  isGone: (record: PublishRecord) => boolean,
  options: ApplyOptions = {},
): Promise<Reloaded> => {
  const all = records.all();
  const dropped = all.filter(isGone);
  for (const record of dropped) await withdraw(run, records, record.owner, options);
  const alive = all.filter((record) => !dropped.includes(record));
  if (alive.length > 0) await buildBase(run, alive, options);
  const failed: { record: PublishRecord; reason: string }[] = [];
  for (const record of alive) {
    try {
      await publish(run, records, record, options);
      if (record.masquerade !== undefined) await ensureMasquerade(run, record.masquerade, options);
    } catch (error) {
      failed.push({ record, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { published: alive.length - failed.length, dropped, failed };
};
