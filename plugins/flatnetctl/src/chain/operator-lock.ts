import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { realProcesses, StoreError, withLock } from '@flatnet/store';
import { errnoOf, problem, refused } from '../failure.ts';

const WAIT_MS = 15_000;

/**
 * Runs `work` while no other flatnetctl repairs: of two at once the second sees what the first has done. Beside libcni's `results`
 * folder, whose entries are acted on. A lock whose holder died is free.
 *
 * @throws OperatorError
 */
export async function underOperatorLock<T>(cacheDir: string, work: () => Promise<T>): Promise<T> {
  const path = join(cacheDir, 'flatnetctl.lock');
  try {
    mkdirSync(cacheDir, { recursive: true });
    return await withLock({ path, processes: realProcesses(), timeoutMs: WAIT_MS }, work);
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'busy') {
      throw problem('another flatnetctl is repairing at the moment', 'wait for it, then try again');
    }
    if (errnoOf(error) !== undefined && String((error as { path?: unknown }).path).startsWith(path)) {
      throw refused('lock', path, error);
    }
    throw error;
  }
}
