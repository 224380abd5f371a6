/**
 * Networks that an administrator keeps for itself: a file of the network's name below `/run/flatnet/paused`. A boot ends all pauses.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isIdentifier } from '@flatnet/cni';
import { removeFile } from '../conflist/directory.ts';
import { errnoOf, refused } from '../failure.ts';

const FOLDER = '/run/flatnet/paused';

/** @throws OperatorError where the folder is there and cannot be read. */
export function pausedNetworks(folder = FOLDER): readonly string[] {
  try {
    return readdirSync(folder).filter(isIdentifier).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw refused('read', folder, error);
  }
}

/** @param network a valid name. @throws OperatorError */
export function pause(network: string, folder = FOLDER): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    writeFileSync(join(folder, network), '');
  } catch (error) {
    throw refused('write', join(folder, network), error);
  }
}

/** @param network a valid name; one that is not paused is fine. @throws OperatorError */
export const resume = (network: string, folder = FOLDER): void => removeFile(join(folder, network));
