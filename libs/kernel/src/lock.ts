/** One call at a time changes names: the last DEL ends the server that an ADD beside it relies on. */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { safeRead } from '@flatnet/kernel/state';
import { sleep } from '@flatnet/exec/sleep';
import { EAGAIN, LOCK_EX, LOCK_NB, SysError, type Sys } from '@flatnet/sys';
import { DnsError } from './error.ts';

/** Longer than any call holds it: one asks a server for some seconds at the most. */
const MAX_WAIT_MS = 15_000;

/**
 * Runs `work` under the lock at `path`, whose folder exists or is made by `prepare`. The kernel gives the lock back when this process
 * ends, however that happens.
 *
 * @throws DnsError `busy`.
 */
export async function withLock<T>(
  { sys, path, prepare }: { readonly sys: Sys; readonly path: string; readonly prepare: () => void },
  work: () => T | Promise<T>,
): Promise<T> {
  const fd = await acquire(sys, path, prepare);
  try {
    return await work();
  } finally {
    closeSync(fd);
  }
}

async function acquire(sys: Sys, path: string, prepare: () => void): Promise<number> {
  const begin = performance.now();
  for (let tries = 0; ; tries += 1) {
    prepare();
    const fd = safeRead(() => openSync(path, 'a', 0o600));
    if (fd !== undefined) {
      if (isLocked(sys, fd) && isStillAt(path, fd)) return fd;
      closeSync(fd);
    }
    if (performance.now() - begin > MAX_WAIT_MS) {
      throw new DnsError('busy', `another process has the lock ${path} for too long`, 'try again');
    }
    await sleep(1 + Math.random() * Math.min(1 + tries, 10));
  }
}

function isLocked(sys: Sys, fd: number): boolean {
  try {
    sys.flock(fd, LOCK_EX | LOCK_NB);
    return true;
  } catch (error) {
    if (error instanceof SysError && error.errno === EAGAIN) return false;
    throw error;
  }
}

/** The last DEL removes the file while others wait for it. */
const isStillAt = (path: string, fd: number): boolean => safeRead(() => statSync(path))?.ino === fstatSync(fd).ino;
