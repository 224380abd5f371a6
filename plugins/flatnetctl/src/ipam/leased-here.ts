import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isExecutable } from '@flatnet/exec';
import { ipamOf, type Network } from '../conflist/model.ts';

/**
 * Whether a network's addresses are leased by flatnet-ipam, so that its store can be read: by that name, or as `host-local` where
 * the file of that name that runtimes find first is a link to our image (`install --drop-in`).
 */
export function isLeasedHere(network: Network, cniPath: readonly string[]): boolean {
  const { type } = ipamOf(network);
  return type === 'flatnet-ipam' || (type === 'host-local' && isOurImage('host-local', cniPath));
}

const isOurImage = (name: string, cniPath: readonly string[]): boolean => {
  const found = foundFirst(name, cniPath);
  return found !== undefined && leadsToUs(found);
};

/** The file of a name that runtimes find. */
export const foundFirst = (name: string, cniPath: readonly string[]): string | undefined =>
  cniPath.map((directory) => join(directory, name)).find(isExecutable);

/** Whether a file is our image, as a link to it. */
export function leadsToUs(path: string): boolean {
  try {
    return basename(realpathSync(path)) === 'flatnet';
  } catch {
    // Removed between two looks.
    return false;
  }
}
