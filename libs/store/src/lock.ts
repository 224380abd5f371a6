import * as fs from 'node:fs';
import type { LockOptions } from 'proper-lockfile';
import { sleep } from '@flatnet/exec/sleep';
import { errnoOf, StoreError } from './error.ts';
import { isLongAgo, realFiles } from './files.ts';
import { FOREIGN_SECONDS, type Processes } from './process.ts';

/**
 * The lock of the few operations that look at the whole store. ADD and DEL never take it, and never load this module: their truth is
 * link(2) and rename(2).
 *
 * proper-lockfile, as it is, decides by the age of a directory whether its holder is dead: two waiters may both take over one stale
 * lock (its issue 121), and a clock that is set breaks it both ways. So it gets file calls of ours, in which the lock directory is born
 * with the entry of its owner in it:
 *
 *     <lock>/o.<owner>      made as <lock>.t.<owner>/o.<owner>, then renamed
 *
 * rename(2) onto a directory that is not empty fails, onto an empty one it replaces it. Therefore a held lock always names its owner;
 * one that was left empty blocks no process; a dead owner's lock is broken by removing exactly its entry; and neither the library's own
 * take-over nor its exit handler can remove anything but our own entry.
 */
export interface LockWait {
  readonly path: string;
  readonly processes: Processes;
  /** Milliseconds after which `busy` is thrown. */
  readonly timeoutMs: number;
}

const ENTRY = 'o.';
/** Nothing is ever stale by age, and no timer ever touches the directory. */
const NEVER_STALE = 2 ** 31 - 1;
const NEVER_UPDATE = 2 ** 30;

/** Runs `work` under the lock. @throws StoreError `busy` when a living process keeps the lock. */
export const withLock = async <T>(wait: LockWait, work: () => T | Promise<T>): Promise<T> => {
  const release = await acquire(wait);
  try {
    return await work();
  } finally {
    await release();
  }
};

const acquire = async (wait: LockWait): Promise<() => void | Promise<void>> => {
  const { path, processes } = wait;
  breakIfDead(path, processes);
  try {
    makeOwned(path, processes.self);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return await waitFor(wait);
  }
  return () => removeOwned(path, processes.self);
};

/** The library is loaded only here, where another process has the lock: its start costs more than all of the work under a lock. */
const waitFor = async ({ path, processes, timeoutMs }: LockWait): Promise<() => Promise<void>> => {
  const { lock } = (await import('proper-lockfile')).default;
  const options: LockOptions = {
    realpath: false,
    lockfilePath: path,
    retries: 0,
    stale: NEVER_STALE,
    update: NEVER_UPDATE,
    onCompromised: () => undefined,
    fs: ownedDirectories(processes.self),
  };
  const giveUpAt = performance.now() + timeoutMs;
  for (let misses = 0; ; misses++) {
    breakIfDead(path, processes);
    try {
      return await lock(path, options);
    } catch (error) {
      // The library's retries would repeat ENOSPC and EROFS too.
      if (errnoOf(error) !== 'ELOCKED') throw error;
    }
    if (performance.now() > giveUpAt) throw new StoreError('busy', 'the store is locked by a living process', path);
    await sleep(1 + Math.random() * Math.min(4 + misses, 20));
  }
};

/**
 * Removes the entry of a dead owner. Its name holds pid and start time, so a new holder can never be meant. An owner in namespaces
 * that cannot be seen from here has held the lock too long after ten minutes.
 */
const breakIfDead = (path: string, processes: Processes): void => {
  const facts = realFiles.lstat(path);
  if (facts !== undefined && facts.kind !== 'directory') fs.rmSync(path, { force: true });
  for (const name of realFiles.list(path)) {
    const state = name.startsWith(ENTRY) ? processes.stateOf(name.slice(ENTRY.length)) : 'dead';
    const since = state === 'unknown' ? realFiles.lstat(`${path}/${name}`)?.mtime : undefined;
    const isOverdue = since !== undefined && isLongAgo(since, FOREIGN_SECONDS);
    if (state !== 'dead' && !isOverdue) continue;
    fs.rmSync(`${path}/${name}`, { recursive: true, force: true });
  }
};

/** The file calls that proper-lockfile makes, over directories that name their owner. */
const ownedDirectories = (self: string): object => {
  const release = (path: string): void => removeOwned(path, self);
  return {
    mkdir: withCallback((path: string) => makeOwned(path, self)),
    rmdir: withCallback(release),
    rmdirSync: release,
    utimes: (_path: string, _atime: unknown, _mtime: unknown, done: () => void) => done(),
    stat: withCallback((path: string) => fs.statSync(path)),
    realpath: withCallback((path: string) => path),
  };
};

const makeOwned = (path: string, self: string): void => {
  const draft = `${path}.t.${self}`;
  fs.rmSync(draft, { recursive: true, force: true });
  fs.mkdirSync(draft, 0o700);
  try {
    fs.writeFileSync(`${draft}/${ENTRY}${self}`, '', { flag: 'wx', mode: 0o600 });
    fs.renameSync(draft, path);
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) {
      throw Object.assign(new Error('locked'), { code: 'EEXIST' });
    }
    throw error;
  }
};

const removeOwned = (path: string, self: string): void => {
  fs.rmSync(`${path}/${ENTRY}${self}`, { force: true });
  try {
    fs.rmdirSync(path);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
};

type Done<T> = (error: unknown, value?: T) => void;

/** Gives a synchronous call the callback form that proper-lockfile expects. */
const withCallback =
  <T>(call: (path: string) => T) =>
  (path: string, done: Done<T>): void => {
    let value: T;
    try {
      value = call(path);
    } catch (error) {
      return done(error);
    }
    done(null, value);
  };
