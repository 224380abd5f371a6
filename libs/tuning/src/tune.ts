/** A container's settings from ADD to DEL. All work is done inside of its namespace, on this thread, which comes home each time. */
import { RecordFolder, type RecordOf } from '@flatnet/kernel/state';
import { closeSocket, NETLINK_ROUTE, openSocket, type Socket } from '@flatnet/netlink';
import { type Sys, SysError, withNetns } from '@flatnet/sys';
import { TuningError } from './error.ts';
import { type LinkIdentity, readTuning, tuneLink } from './link.ts';
import type { LinkTuning, Owner, Tuning } from './model.ts';
import { isSameValue, readSysctl, writeSysctl } from './sysctl.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/tuning';

/** What an interface had before the first ADD. Settings of the namespace go with it, and are not put back. */
export interface TuneRecord extends RecordOf<Owner> {
  readonly before: LinkTuning;
  /** What was set, the last one last: a killed ADD may have come to its own values or not. Any other value is not ours to put back. */
  readonly set: readonly LinkTuning[];
  readonly netns: string;
  readonly link: LinkIdentity;
}
export type TuneRecords = RecordFolder<TuneRecord>;

export const openRecords = (stateDir = DEFAULT_STATE_DIR): TuneRecords => new RecordFolder<TuneRecord>(stateDir);

/** Where a container's interface is. */
export interface Place {
  readonly netns: string;
  readonly ifName: string;
}

/** @throws SysError: the namespace cannot be entered. */
function inside<T>(sys: Sys, netns: string, work: (socket: Socket) => T): T {
  const socket = openSocket(sys, NETLINK_ROUTE, { netns });
  try {
    return work(socket);
  } finally {
    closeSocket(socket);
  }
}

/** What the interface has of what `wanted` names, and which it is. @throws TuningError, SysError. */
export const stateOf = (sys: Sys, { netns, ifName }: Place, wanted: LinkTuning): ReturnType<typeof readTuning> =>
  inside(sys, netns, (socket) => readTuning(socket, ifName, wanted));

/** @throws TuningError, SysError. Settings before the one that was refused are made. */
export function tune(sys: Sys, { netns, ifName }: Place, { link, sysctls }: Tuning): void {
  if (sysctls.length > 0) withNetns(sys, netns, () => sysctls.forEach((sysctl) => writeSysctl(sys, sysctl)));
  inside(sys, netns, (socket) => tuneLink(socket, ifName, link));
}

/** The values that settings of the namespace have now; those that it does not have are left out. */
export const sysctlsOf = (sys: Sys, netns: string, { sysctls }: Pick<Tuning, 'sysctls'>): Tuning['sysctls'] =>
  sysctls.length === 0
    ? []
    : withNetns(sys, netns, () =>
        sysctls.flatMap(({ path }) => {
          const value = readSysctl(sys, path);
          return value === undefined ? [] : [{ path, value }];
        }),
      );

/** Each difference as a sentence. Changes nothing. @throws TuningError `no-interface`, SysError. */
export function differences(sys: Sys, place: Place, tuning: Tuning): readonly string[] {
  const present = stateOf(sys, place, tuning.link).values;
  const keys = Object.keys(tuning.link) as (keyof LinkTuning)[];
  const settings = new Map(sysctlsOf(sys, place.netns, tuning).map(({ path, value }) => [path, value]));
  return [
    ...keys
      .filter((key) => present[key] !== tuning.link[key])
      .map((key) => `${place.ifName} has ${key} ${present[key]} in place of ${tuning.link[key]}`),
    ...tuning.sysctls
      .filter(({ path, value }) => !isSameValue(settings.get(path) ?? '', value))
      .map(({ path, value }) => `${path} is ${settings.get(path) ?? 'missing'} in place of ${value}`),
  ];
}

/** Puts back what the interface had, while its namespace lives, and forgets it. Success where there is nothing. */
export function restore(sys: Sys, records: TuneRecords, owner: Pick<Owner, 'networkHash' | 'hash'>): void {
  const record = records.read(owner);
  if (record !== undefined) putBack(sys, record);
  records.remove(owner);
}

function putBack(sys: Sys, { netns, before, set, link, owner }: TuneRecord): void {
  try {
    inside(sys, netns, (socket) => {
      const { values, identity } = readTuning(socket, owner.ifName, before);
      if (!isSameLink(identity, link)) return;
      const isOurs = (key: keyof LinkTuning): boolean => set.some((tuning) => tuning[key] === values[key]);
      const keys = (Object.keys(before) as (keyof LinkTuning)[]).filter(isOurs);
      tuneLink(socket, owner.ifName, Object.fromEntries(keys.map((key) => [key, before[key]])));
    });
  } catch (error) {
    // The interface is gone, alone or with its namespace.
    const isGone = error instanceof SysError && (error.call === 'open' || error.call === 'setns');
    if (!isGone && !(error instanceof TuningError)) throw error;
  }
}

/** Whether a record is of this very interface. */
export const isSameLink = (a: LinkIdentity, b: LinkIdentity): boolean =>
  a.index === b.index && a.parentIndex === b.parentIndex;

/** Does the same for a network's attachments that are not in `valid` (hashes), to the end. Throws the first failure. */
export function collect(sys: Sys, records: TuneRecords, networkHash: string, valid: ReadonlySet<string>): void {
  const failures: unknown[] = [];
  for (const { owner } of records.all(networkHash)) {
    if (valid.has(owner.hash)) continue;
    try {
      restore(sys, records, owner);
    } catch (error) {
      failures.push(error);
    }
  }
  records.removeOtherBoots();
  if (failures.length > 0) throw failures[0];
}
