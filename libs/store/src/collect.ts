import { removeAny, type FileFacts, type Files } from './files.ts';
import { purgeOldGenerations, type Layout } from './generation.ts';
import { attachmentName, ipOfName, type LeaseKey } from './names.ts';
import type { Processes } from './process.ts';
import { readRecord } from './record.ts';
import { RECORD, type Tokens } from './token.ts';

/** The names in `at/` that a list of valid attachments keeps. Imported leases without an interface belong to the container. */
export const keptNames = (valid: readonly LeaseKey[]): ReadonlySet<string> =>
  new Set(valid.flatMap((key) => [attachmentName(key), attachmentName({ ...key, ifName: '' })]));

/** GC's first part, right without a lock: every lease of this network that is not in `valid` is released. Answers how many. */
export const releaseOthers = (files: Files, layout: Layout, tokens: Tokens, valid: readonly LeaseKey[]): number => {
  const kept = keptNames(valid);
  let released = 0;
  for (const name of files.list(layout.at)) {
    if (kept.has(name)) continue;
    const token = tokens.take(`${layout.at}/${name}`);
    if (token === undefined) continue;
    tokens.dispose(token);
    released++;
  }
  return released;
};

/**
 * Removes addresses that no lease holds: their record was deleted by hand, or they never were links of a record. Nobody owns them, so
 * two removers could race with a new claim between the look and the removal: the caller holds the lock.
 *
 * A token always holds a link of its record, so `ip/*` links that are all the links of an inode have no lease. Answers how many.
 */
export const removeOrphans = (files: Files, layout: Layout): number => {
  const links = new Map<bigint, { readonly facts: FileFacts; readonly names: string[] }>();
  let removed = 0;
  for (const name of files.list(layout.ip)) {
    const facts = files.lstat(`${layout.ip}/${name}`);
    if (facts === undefined) continue;
    if (facts.kind !== 'file' || ipOfName(name) === undefined) {
      removeAny(files, `${layout.ip}/${name}`);
      removed++;
      continue;
    }
    const seen = links.get(facts.ino);
    if (seen === undefined) links.set(facts.ino, { facts, names: [name] });
    else seen.names.push(name);
  }
  for (const { facts, names } of links.values()) {
    if (facts.nlink > BigInt(names.length)) continue;
    for (const name of names) removeAny(files, `${layout.ip}/${name}`);
    removed += names.length;
  }
  return removed;
};

/** Committed names whose record cannot be read: they hold an attachment's place. Safe without a lock. */
export const removeUnreadable = (files: Files, layout: Layout, tokens: Tokens): void => {
  for (const name of files.list(layout.at)) {
    const path = `${layout.at}/${name}`;
    const facts = files.lstat(path);
    if (facts === undefined || readRecord(files, `${path}/${RECORD}`) !== undefined) continue;
    const token = tokens.takeExactly(path, facts.ino);
    if (token !== undefined) tokens.dispose(token);
  }
};

const SMALL_STORE = 1_000;
const RECLAIM_SECONDS = 60;

/**
 * Whether an ADD may look for orphans. While a /16 is full every ADD of every container fails and is tried again, and each would read
 * 65,000 records. Notes the time, since the search is about to be made.
 */
export const isReclaimDue = (files: Files, layout: Layout, processes: Processes): boolean => {
  const now = processes.uptime();
  const last = files.lstat(layout.reclaimed);
  const isDue = last === undefined || last.kind !== 'file' || now - last.mtime >= RECLAIM_SECONDS;
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
const MAX_STICKY = 10_000;
const LOCK_DRAFT = /^lock\.t\.(.+)$/;

/** Everything that only takes up room. */
export const tidy = (files: Files, layout: Layout, processes: Processes): void => {
  purgeOldGenerations(files, layout, Number.MAX_SAFE_INTEGER);
  for (const name of files.list(layout.freed)) {
    const facts = files.lstat(`${layout.freed}/${name}`);
    if (facts === undefined || processes.uptime() - facts.mtime < LONGEST_COOLDOWN_SECONDS) continue;
    removeAny(files, `${layout.freed}/${name}`);
  }
  for (const name of files.list(layout.generation)) {
    const owner = LOCK_DRAFT.exec(name)?.[1];
    if (owner !== undefined && processes.stateOf(owner) === 'dead') files.removeTree(`${layout.generation}/${name}`);
  }
  forgetOldNames(files, layout);
};

const forgetOldNames = (files: Files, layout: Layout): void => {
  const names = files.list(layout.sticky);
  if (names.length <= MAX_STICKY) return;
  const aged = names.map((name) => ({ name, mtime: files.lstat(`${layout.sticky}/${name}`)?.mtime ?? 0 }));
  aged.sort((left, right) => left.mtime - right.mtime);
  for (const { name } of aged.slice(0, names.length - MAX_STICKY)) removeAny(files, `${layout.sticky}/${name}`);
};
