import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { CniError, ErrorCode } from '@flatnet/cni';
import { DRIVER_STATE_DIR, type DriverRecord, driverRecords } from '@flatnet/driver';
import { runGroup } from '@flatnet/exec';
import { type Kernel, realKernel } from '@flatnet/kernel';
import { LockBusy, withLock } from '@flatnet/kernel/lock';
import type { RecordFolder } from '@flatnet/kernel/state';
import { type CallPlugin, callLinked, callProgram, type LinkedPlugins } from './call-plugin.ts';
import { executablesFolder } from './executables.ts';
import { LOCK_WAIT_MS } from './limits.ts';

/** What the verbs touch. */
export interface Deps {
  readonly kernel: () => Kernel;
  readonly records: () => RecordFolder<DriverRecord>;
  /** The folder in which the plugins of the chain are found. */
  readonly executables: () => string;
  readonly call: CallPlugin;
  /** One call at a time. @throws LockBusy. */
  locked<T>(work: () => Promise<T>): Promise<T>;
}

const executables = (): string => executablesFolder(`${DRIVER_STATE_DIR}/bin`);

/** @param plugins those that are linked into this process; without them each is executed. */
export const realDeps = (plugins?: LinkedPlugins): Deps => ({
  kernel: () => realKernel(),
  records: () => driverRecords(),
  executables,
  call: plugins === undefined ? callProgram(runGroup, executables) : callLinked(plugins),
  locked: (work) => {
    const path = `${DRIVER_STATE_DIR}/lock`;
    const prepare = (): void => void mkdirSync(dirname(path), { recursive: true });
    return withLock({ path, prepare, maxWaitMs: LOCK_WAIT_MS }, work);
  },
});

/** For what can be tried again. @throws CniError code 11 when another call holds the lock for too long. */
export async function lockedOrRefused<T>(deps: Deps, work: () => Promise<T>): Promise<T> {
  try {
    return await deps.locked(work);
  } catch (error) {
    if (!(error instanceof LockBusy)) throw error;
    const next = 'it ends within 15 seconds: try again';
    throw new CniError(ErrorCode.tryAgainLater, 'another call of the driver is under way', next, { cause: error });
  }
}

/** For what has to go on: after some time without the lock. */
export async function lockedOrNot<T>(deps: Deps, work: () => Promise<T>): Promise<T> {
  try {
    return await deps.locked(work);
  } catch (error) {
    if (!(error instanceof LockBusy)) throw error;
    return work();
  }
}
