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

function isOurImage(name: string, cniPath: readonly string[]): boolean {
  const found = cniPath.map((directory) => join(directory, name)).find(isExecutable);
  try {
    return found !== undefined && basename(realpathSync(found)) === 'flatnet';
  } catch {
    // Removed between two looks.
    return false;
  }
}
