/** An attachment's limits from ADD to DEL: the kernel's state with the record beside it. */
import { getLink } from '@flatnet/netlink/route/read-link';
import { ENODEV } from '@flatnet/sys';
import { toTheEnd } from './error.ts';
import { type Ends, endsOf, insideIfThere, markedHostEnd } from './host-end.ts';
import { clearHook } from './hook.ts';
import { isLimited, type Owner, type OwnerKey, type Redirection } from './model.ts';
import { clearQueue } from './queue.ts';
import { limitsOf, type ShapeRecord, type ShapeRecords } from './record.ts';
import { refuseForeign, shape, type Shaped } from './shape.ts';
import { ownersIn, unshape } from './unshape.ts';
import type { Wire } from './wire.ts';

/** The ends of the attachment of a record; undefined where its container is gone. @throws ShapingError, SysError. */
export function endsOfRecord(wire: Wire, { netns, named, owner, hostIndex }: ShapeRecord): Ends | undefined {
  const link = insideIfThere(wire, netns, (route) => route.find(getLink({ name: owner.ifName }), ENODEV));
  return link?.parentIndex === hostIndex ? endsOf(wire, netns, owner.ifName, named) : undefined;
}

/** Whether the attachment may have limits, so that they have to be ended where none are asked for. */
export const mayHaveLimits = (wire: Wire, records: ShapeRecords, owner: OwnerKey): boolean =>
  records.read(owner) !== undefined || markedHostEnd(wire.host, owner) !== undefined;

/**
 * Sets the record's limits; without any it ends those that are there, and forgets the record unless the operator has said so.
 *
 * @throws ShapingError, NetlinkError, SysError.
 */
export function limit(wire: Wire, records: ShapeRecords, record: ShapeRecord, ends: Ends): Shaped {
  const limits = limitsOf(record);
  if (!isLimited(limits)) {
    unlimit(wire, records, record.owner);
    if (record.override !== undefined) records.write(record);
    return { lacks: [] };
  }
  const earlier = records.read(record.owner);
  // Before the first change: a call that is killed leaves a name to what it made, and to what an earlier one did.
  records.write({ ...record, ...redirectedBy(earlier?.redirection) });
  const shaped = shape(wire, record.owner, ends, limits);
  const { redirection } = shaped;
  if (redirection === earlier?.redirection) return shaped;
  // The kernel has got a part that it lacked, or has lost one: what redirected before would limit twice.
  if (earlier?.redirection === 'container') clearInside(wire, earlier);
  if (earlier?.redirection === 'u32') clearHook(wire.host, ends.host.index, record.owner);
  records.write({ ...record, ...redirectedBy(redirection) });
  return shaped;
}

const redirectedBy = (redirection: Redirection | undefined): Pick<ShapeRecord, 'redirection'> =>
  redirection === undefined ? {} : { redirection };

/** Ends the limits of an attachment, whatever is left of it. Success when that is nothing. */
export function unlimit(wire: Wire, records: ShapeRecords, owner: OwnerKey): void {
  const record = records.read(owner);
  toTheEnd(
    () => unshape(wire, owner),
    () => {
      if (record?.redirection === 'container') clearInside(wire, record);
    },
  );
  records.remove(owner);
}

function clearInside(wire: Wire, { netns, owner, hostIndex }: ShapeRecord): void {
  insideIfThere(wire, netns, (route) => {
    const link = route.find(getLink({ name: owner.ifName }), ENODEV);
    if (link?.parentIndex === hostIndex) clearQueue(route, link.index);
  });
}

/** Ends the limits of a network's attachments that are not in `valid` (hashes). Goes on to the end and throws the first failure. */
export function collect(wire: Wire, records: ShapeRecords, networkHash: string, valid: ReadonlySet<string>): number {
  const known = [...ownersIn(wire), ...records.all(networkHash).map(({ owner }) => owner)];
  const dead = new Map(
    known
      .filter((owner) => owner.networkHash === networkHash && !valid.has(owner.hash))
      .map((owner) => [owner.hash, owner]),
  );
  toTheEnd(...[...dead.values()].map((owner) => () => unlimit(wire, records, owner)), () => records.removeOtherBoots());
  return dead.size;
}

/** Ends all limits of this host: those that the kernel has, and those that records tell. */
export function unlimitAll(wire: Wire, records: ShapeRecords): void {
  const owners = [...ownersIn(wire), ...records.all().map(({ owner }) => owner)];
  toTheEnd(...owners.map((owner) => () => unlimit(wire, records, owner)));
}

/** What can be done with the limits that records tell: which were set again, and which could not be. */
export interface Reloaded {
  readonly owner: Owner;
  readonly failure?: unknown;
}

/** Sets the limits of every record whose container is there, after a flush of the ruleset or of queues. */
export const reload = (wire: Wire, records: ShapeRecords): readonly Reloaded[] =>
  records.all().flatMap((record): Reloaded[] => {
    const { owner } = record;
    try {
      const ends = endsOfRecord(wire, record);
      if (ends === undefined) return [];
      refuseForeign(wire, ends, limitsOf(record));
      limit(wire, records, record, ends);
      return [{ owner }];
    } catch (failure) {
      return [{ owner, failure }];
    }
  });
