import { type Kernel, realKernel } from '@flatnet/kernel';
import { withLock } from '@flatnet/kernel/lock';
import type { Sys } from '@flatnet/sys';
import { openSys } from '@flatnet/sys/open';
import { PolicyFolder } from './folder.ts';

/** What this library touches. Tests hand in a temporary folder, and a kernel that refuses. */
export interface World {
  readonly kernel: Kernel;
  readonly sys: () => Sys;
  readonly folder: PolicyFolder;
}

/** @param signal after it aborts, nothing is changed. */
export const realWorld = (signal?: AbortSignal): World => ({
  kernel: realKernel(signal),
  sys: openSys,
  folder: new PolicyFolder(),
});

/** One call at a time changes the table: what it finds, it decides by. @throws LockBusy. */
export const locked = <T>({ sys, folder }: World, work: () => T | Promise<T>): Promise<T> =>
  withLock({ sys: sys(), path: folder.lock, prepare: () => folder.makeRoot() }, work);
