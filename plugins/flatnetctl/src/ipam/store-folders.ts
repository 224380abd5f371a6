/** The folders of a network's lease store, which outlive its leases. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { networkFolder, segmentFolder } from '@flatnet/store';
import type { Network } from '../conflist/model.ts';
import { bridgeOf } from '../network/describe.ts';
import { holdingsIn, storeFolderOf } from './leases.ts';

const pathOf = (network: Network): string => join(storeFolderOf(network), networkFolder(network.name));
/** Networks on one bridge share it. */
const segmentOf = (network: Network): string => join(storeFolderOf(network), segmentFolder(bridgeOf(network) ?? ''));

export const hasStore = (network: Network): boolean => existsSync(pathOf(network));
export const hasSegment = (network: Network): boolean => existsSync(segmentOf(network));

/** Removes them where no lease is left. @param withSegment whether no other network is on the bridge. */
export function removeStore(network: Network, withSegment: boolean): void {
  const dataDir = storeFolderOf(network);
  if (!hasStore(network) || holdingsIn(network.name, dataDir).length > 0) return;
  rmSync(pathOf(network), { recursive: true, force: true });
  if (withSegment) rmSync(segmentOf(network), { recursive: true, force: true });
  if (existsSync(dataDir) && readdirSync(dataDir).length === 0) rmdirSync(dataDir);
}
