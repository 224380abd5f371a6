/** Which listed elements stand in the way of a plan, and whether their owners live. */
import { mapName } from './layout.ts';
import { describePort, listenKey, onAllAddresses, type Plan, type Port, portsOf } from './model.ts';
import { entryKey, type OwnedElement } from './owners.ts';
import { hasLink, hostEndOf, isDeadSoon } from './life.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';
import { entriesOf, listenElement } from './ruleset.ts';

/** A living attachment holds a port. */
export class PortInUse extends Error {
  override readonly name = 'PortInUse';

  constructor(
    readonly port: Port,
    readonly holder: PublishRecord,
  ) {
    super(`${describePort(port)} is held by ${holder.owner.containerId}`);
  }
}

export interface Conflicts {
  /** Elements of dead or unknown owners, or left from an earlier life of ours: to be deleted before claiming. */
  readonly obsolete: readonly OwnedElement[];
  readonly dead: readonly PublishRecord[];
}

/** Keys, in both spellings of a port, that exclude the plan's ports -> the port. */
const rivals = (plan: Plan, entries: readonly OwnedElement[]): ReadonlyMap<string, Port> => {
  const keys = new Map<string, Port>();
  const onAll = new Map<string, Port>();
  for (const port of portsOf(plan.publications)) {
    keys.set(entryKey({ map: mapName('any', port.family), key: listenElement(onAllAddresses(port)) }), port);
    if (port.hostIp === undefined) onAll.set(listenKey({ ...port, hostIp: '' }), port);
    else keys.set(entryKey({ map: mapName('address', port.family), key: listenElement(port) }), port);
  }
  for (const entry of entries) {
    const listened = addressEntry(entry);
    const port = listened === undefined ? undefined : onAll.get(listened);
    if (port !== undefined) keys.set(entryKey(entry), port);
  }
  return keys;
};

/** The `listenKey` without address of an element of `address4` or `address6`. */
const addressEntry = ({ map, key }: OwnedElement): string | undefined => {
  const family = map === 'address4' ? 4 : map === 'address6' ? 6 : undefined;
  const parts = (key as { concat?: readonly unknown[] } | null)?.concat;
  if (family === undefined || parts === undefined) return undefined;
  return `${family}/${String(parts[1])}/${String(parts[2])}/`;
};

/**
 * Sorts out what stands in the way of `plan`.
 *
 * An owner is dead when its network namespace and its host link are gone, or when the plan's container has its address now. Of one
 * without a record the host link alone tells, where the flatnet plugin made it: all networks of a host therefore have one folder of
 * records.
 *
 * @throws PortInUse for the first living one.
 */
export const findConflicts = (plan: Plan, entries: readonly OwnedElement[], records: Records): Conflicts => {
  const ports = rivals(plan, entries);
  const own = new Set(entriesOf(plan).map(entryKey));
  const addresses = new Set([...plan.publications, ...plan.hairpins].map(({ address }) => address));
  const deadHashes = new Set<string>();
  const dead: PublishRecord[] = [];
  const obsolete = new Set<OwnedElement>();
  for (const entry of entries) {
    const port = ports.get(entryKey(entry));
    const isOurs = entry.owner?.hash === plan.owner.hash;
    if (port === undefined && !own.has(entryKey(entry)) && !isOurs) continue;
    obsolete.add(entry);
    if (entry.owner === undefined || isOurs || deadHashes.has(entry.owner.hash)) continue;
    const holder = records.read(entry.owner);
    const replaced =
      holder !== undefined &&
      holder.owner.network === plan.owner.network &&
      holder.publications.some(({ address }) => addresses.has(address));
    if (holder === undefined && port !== undefined && hasLink(hostEndOf(entry.owner))) {
      throw new PortInUse(port, withoutRecord(entry.owner));
    }
    if (holder !== undefined && !replaced && !isDeadSoon(holder)) {
      // No port: the masquerade of an address that two networks with overlapping subnets have given. It is the same for both.
      if (port === undefined) continue;
      throw new PortInUse(port, holder);
    }
    deadHashes.add(entry.owner.hash);
    if (holder !== undefined) dead.push(holder);
  }
  for (const entry of entries) if (entry.owner !== undefined && deadHashes.has(entry.owner.hash)) obsolete.add(entry);
  return { obsolete: [...obsolete], dead };
};

/** What is known of an attachment whose record is lost. */
const withoutRecord = ({ networkHash, hash }: NonNullable<OwnedElement['owner']>): PublishRecord => ({
  version: 1,
  owner: { networkHash, hash, network: 'unknown', containerId: `behind ${hostEndOf({ hash })}`, ifName: 'unknown' },
  ...{ publications: [], hairpins: [], netns: '', netnsId: '' },
});
