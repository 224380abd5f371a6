/** One call at a time: a lock of the kernel's on a file, which ends with its process. */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { sleep } from '@flatnet/exec/sleep';
import { EAGAIN, LOCK_EX, LOCK_NB, SysError, type Sys } from '@flatnet/sys';
import { openSys } from '@flatnet/sys/open';
import { safeRead } from './state-files.ts';

/** Longer than any call holds it: one asks a DNS server for some seconds at the most. */
const MAX_WAIT_MS = 15_000;

/** Another process had the lock for longer than this library waits. */
export class LockBusy extends Error {
  override readonly name = 'LockBusy';
  constructor(readonly path: string) {
    super(`another process has the lock ${path} for too long`);
  }
}

export interface LockOptions {
  /** Default: libc. */
  readonly sys?: Sys;
  readonly path: string;
  /** Makes the folder of the lock. */
  readonly prepare: () => void;
  /** How long to wait for it. Default: 15 s. */
  readonly maxWaitMs?: number;
}

/**
 * Runs `work` under the lock at `path`. The kernel gives the lock back when this process ends, however that happens.
 *
 * @throws LockBusy.
 */
export async function withLock<T>(options: LockOptions, work: () => T | Promise<T>): Promise<T> {
  const fd = await acquire(options);
  try {
    return await work();
  } finally {
    closeSync(fd);
  }
}

async function acquire({ sys = openSys(), path, prepare, maxWaitMs = MAX_WAIT_MS }: LockOptions): Promise<number> {
  const begin = performance.now();
  for (let tries = 0; ; tries += 1) {
    prepare();
    const fd = safeRead(() => openSync(path, 'a', 0o600));
    if (fd !== undefined) {
      if (isLocked(sys, fd) && isStillAt(path, fd)) return fd;
      closeSync(fd);
    }
    if (performance.now() - begin > maxWaitMs) throw new LockBusy(path);
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
