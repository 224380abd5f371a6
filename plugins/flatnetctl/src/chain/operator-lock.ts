import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { attachmentHash } from '@flatnet/cni';
import { realProcesses, StoreError } from '@flatnet/store';
import { withLock } from '@flatnet/store/lock';
import { errnoOf, problem, refused } from '../failure.ts';
import type { Identity } from './cache.ts';

/**
 * Runs `work` while no other flatnetctl repairs: of two at once the second sees what the first has done. Beside libcni's `results`
 * folder, whose entries are acted on. A lock whose holder died is free.
 *
 * @throws OperatorError
 */
export const underOperatorLock = <T>(cacheDir: string, work: () => Promise<T>): Promise<T> =>
  underLock(cacheDir, 'flatnetctl.lock', 15_000, 'another flatnetctl is repairing at the moment', work);

/** Runs `work` while no other flatnetctl attaches the same. @throws OperatorError */
export const underAttachmentLock = <T>(cacheDir: string, identity: Identity, work: () => Promise<T>): Promise<T> => {
  const { network, containerId, ifName } = identity;
  const busy = `${containerId} is being attached to ${network} with ${ifName} at the moment`;
  // As long as a chain may take.
  return underLock(cacheDir, `flatnetctl.${attachmentHash(network, identity)}.lock`, 60_000, busy, work);
};

async function underLock<T>(
  cacheDir: string,
  name: string,
  timeoutMs: number,
  busy: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(cacheDir, name);
  try {
    mkdirSync(cacheDir, { recursive: true });
    return await withLock({ path, processes: realProcesses(), timeoutMs }, work);
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'busy' && error.path === path) {
      throw problem(busy, 'wait for it, then try again');
    }
    if (errnoOf(error) !== undefined && String((error as { path?: unknown }).path).startsWith(path)) {
      throw refused('lock', path, error);
    }
    throw error;
  }
}
