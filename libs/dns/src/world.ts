import { type Kernel, realKernel } from '@flatnet/kernel';
import type { Sys } from '@flatnet/sys';
import { openSys } from '@flatnet/sys/open';
import { DnsFolder } from './folder.ts';

/** What this library touches. Tests hand in a temporary folder, and a kernel that refuses. */
export interface World {
  readonly kernel: Kernel;
  readonly sys: () => Sys;
  readonly folder: DnsFolder;
}

/** @param signal after it aborts, nothing is changed. */
export const realWorld = (signal?: AbortSignal): World => ({
  kernel: realKernel(signal),
  sys: openSys,
  folder: new DnsFolder(),
});
