import { removeAny, type FileFacts, type Files } from './files.ts';
import { collectOldGenerations, segmentsOf, type AddressFolder, type Layout, type Segment } from './generation.ts';
import { attachmentName, ipOfName, type LeaseKey } from './names.ts';
import type { Processes } from './process.ts';
import { readRecord } from './record.ts';
import { RECORD, type LeaseDirs } from './lease-dir.ts';

/** The names in `at/` that a list of valid attachments keeps. Imported leases without an interface belong to the container. */
export const keptNames = (valid: readonly LeaseKey[]): ReadonlySet<string> =>
  new Set(valid.flatMap((key) => [attachmentName(key), attachmentName({ ...key, ifName: '' })]));

/** GC's first part, right without a lock: every lease of this network that is not in `valid` is released. Answers how many. */
export const releaseOthers = (
  files: Files,
  layout: Layout,
  leaseDirs: LeaseDirs,
  valid: readonly LeaseKey[],
): number => {
  const kept = keptNames(valid);
  let released = 0;
  for (const name of files.list(layout.at)) {
    if (kept.has(name)) continue;
    const dir = leaseDirs.take(`${layout.at}/${name}`);
    if (dir === undefined) continue;
    leaseDirs.dispose(dir);
    released++;
  }
  return released;
};

/**
 * Removes addresses of a network that no lease holds: their record was deleted by hand, or they never were links of a record. No
 * process owns them, so two removers could race with a new claim between the look and the removal: the caller holds the lock.
 *
 * A lease always holds a link of its record, so links in `ip/` and in segments that are all the links of an inode have no lease.
 * Answers how many.
 */
export const collectOrphans = (files: Files, layout: Layout): number =>
  collectUnheld(files, layout, segmentsOf(files, layout));

/** The same for a segment, under its lock, after its networks have let go. */
export const collectOrphansOf = (files: Files, segment: Segment): number => collectUnheld(files, segment, []);

const collectUnheld = (files: Files, { ip }: AddressFolder, others: readonly AddressFolder[]): number => {
  const links = new Map<bigint, { readonly facts: FileFacts; readonly names: string[] }>();
  let removed = 0;
  for (const name of files.list(ip)) {
    const facts = files.lstat(`${ip}/${name}`);
    if (facts === undefined) continue;
    if (facts.kind !== 'file' || ipOfName(name) === undefined) {
      removeAny(files, `${ip}/${name}`);
      removed++;
      continue;
    }
    const seen = links.get(facts.ino);
    if (seen === undefined) links.set(facts.ino, { facts, names: [name] });
    else seen.names.push(name);
  }
  for (const { facts, names } of links.values()) {
    // A lease in one segment has twice as many links as addresses, and one more, so the others are looked at for few.
    const known = BigInt(names.length);
    if (facts.nlink > known * BigInt(others.length + 1)) continue;
    const paths = others.flatMap((other) => names.map((name) => `${other.ip}/${name}`));
    if (facts.nlink > known + BigInt(paths.filter((path) => files.lstat(path)?.ino === facts.ino).length)) continue;
    for (const name of names) removeAny(files, `${ip}/${name}`);
    removed += names.length;
  }
  return removed;
};

/** Committed names whose record cannot be read: they hold an attachment's place. Safe without a lock. */
export const collectUnreadable = (files: Files, layout: Layout, leaseDirs: LeaseDirs): void => {
  for (const name of files.list(layout.at)) {
    const path = `${layout.at}/${name}`;
    const facts = files.lstat(path);
    if (facts === undefined || readRecord(files, `${path}/${RECORD}`) !== undefined) continue;
    const dir = leaseDirs.takeExactly(path, facts.identity);
    if (dir !== undefined) leaseDirs.dispose(dir);
  }
};

const SMALL_STORE = 1_000;
const ORPHAN_SECONDS = 60;

/**
 * Whether an ADD may look for orphans. While a /16 is full every ADD of every container fails and is tried again, and each would read
 * 65,000 records. Notes the time, since the search is about to be made.
 */
export const areOrphansDue = (files: Files, layout: Layout, processes: Processes): boolean => {
  const now = processes.uptime();
  const last = files.lstat(layout.reclaimed);
  const isDue = last === undefined || last.kind !== 'file' || now - last.mtime >= ORPHAN_SECONDS;
  if (!isDue && files.list(layout.ip).length > SMALL_STORE) return false;
  try {
    files.overwrite(layout.reclaimed, '');
    files.setMtime(layout.reclaimed, Math.floor(now));
  } catch {
    // A hint: without it the next ADD searches too.
  }
  return true;
};

/** No cooldown is longer than this (the plugin's schema refuses it). */
const LONGEST_COOLDOWN_SECONDS = 86_400;
/** Remembered names beyond this are forgotten, oldest first. */
const MAX_REMEMBERED = 10_000;
const LOCK_DRAFT = /^lock\.t\.(.+)$/;

/** Everything that only takes up room. */
export const collectStale = (files: Files, folder: AddressFolder, processes: Processes): void => {
  collectOldGenerations(files, folder);
  for (const name of files.list(folder.cooling)) {
    const facts = files.lstat(`${folder.cooling}/${name}`);
    if (facts === undefined || processes.uptime() - facts.mtime < LONGEST_COOLDOWN_SECONDS) continue;
    removeAny(files, `${folder.cooling}/${name}`);
  }
  for (const name of files.list(folder.generation)) {
    const owner = LOCK_DRAFT.exec(name)?.[1];
    if (owner !== undefined && processes.stateOf(owner) === 'dead') files.removeTree(`${folder.generation}/${name}`);
  }
};

export const forgetOldNames = (files: Files, layout: Layout): void => {
  const names = files.list(layout.remembered);
  if (names.length <= MAX_REMEMBERED) return;
  const aged = names.map((name) => ({ name, mtime: files.lstat(`${layout.remembered}/${name}`)?.mtime ?? 0 }));
  aged.sort((left, right) => left.mtime - right.mtime);
  for (const { name } of aged.slice(0, names.length - MAX_REMEMBERED)) removeAny(files, `${layout.remembered}/${name}`);
};
