import { type Kernel, realKernel } from '@flatnet/kernel';
import { withLock } from '@flatnet/kernel/lock';
import type { Sys } from '@flatnet/sys';
import { openSys } from '@flatnet/sys/open';
import { DnsFolder } from './folder.ts';
import { type Proc, realProc } from './proc.ts';
import { type Answer, ask, type RecordType } from './query.ts';

/** One question to a server at an address and a port; undefined where no answer comes within `waitMs` milliseconds. */
export type Ask = (
  server: { readonly address: string; readonly port: number },
  name: string,
  type: RecordType,
  waitMs: number,
) => Answer | undefined;

/** Runs `work` while no other call does. @throws LockBusy. */
export type Lock = <T>(
  file: { readonly path: string; readonly prepare: () => void },
  work: () => T | Promise<T>,
) => Promise<T>;

/** What this library touches. Tests hand in those of `@flatnet/dns/testing`. */
export interface World {
  readonly kernel: Kernel;
  readonly sys: () => Sys;
  readonly folder: DnsFolder;
  readonly proc: Proc;
  readonly ask: Ask;
  readonly lock: Lock;
}

/** @param signal after it aborts, nothing is changed. */
export const realWorld = (signal?: AbortSignal): World => ({
  kernel: realKernel(signal),
  sys: openSys,
  folder: new DnsFolder(),
  proc: realProc,
  ask: (...question) => ask(openSys(), ...question),
  lock: (file, work) => withLock(file, work),
});
