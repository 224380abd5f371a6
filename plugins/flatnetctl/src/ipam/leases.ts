import { existsSync } from 'node:fs';
import { ipFromHex, type Ip } from '@flatnet/addressing';
import { openStore, StoreError, type Lease } from '@flatnet/store';
import { detach, networkOfCached } from '../chain/attachment.ts';
import { findCached } from '../chain/cache.ts';
import { delChain, type ChainContext } from '../chain/run-chain.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { ipamOf, type Network } from '../conflist/model.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { environment } from '../failure.ts';

const DEFAULT_DATA_DIR = '/run/cni/flatnet';

/** One address that is not free. */
export interface Holding {
  readonly network: string;
  readonly ip: Ip;
  /** Undefined when the record cannot be read. */
  readonly lease?: Lease;
  /** Of the namespace that the lease was made for: `unknown` when the lease does not name it. */
  readonly netns: 'alive' | 'gone' | 'unknown';
}

/** The leases of flatnet-ipam on a network, by address. Empty for networks of another IPAM. @throws OperatorError */
export function holdingsOf(network: Network): readonly Holding[] {
  const { type, dataDir } = ipamOf(network);
  if (type !== 'flatnet-ipam') return [];
  try {
    const store = openStore({
      network: network.name,
      dataDir: typeof dataDir === 'string' && dataDir !== '' ? dataDir : DEFAULT_DATA_DIR,
    });
    return [...store.view.takenNames()]
      .sort()
      .flatMap(ipOf)
      .map((ip) => holdingOf(network.name, ip, store.view.holderOf(ip)));
  } catch (error) {
    if (error instanceof StoreError) throw environment(`${error.path}: ${error.message}`, 'flatnetctl doctor', error);
    throw error;
  }
}

/** File names of the store: the family, a dash, fixed-width hexadecimal digits. */
function ipOf(name: string): readonly Ip[] {
  const match = /^([46])-((?:[0-9a-f]{8}){1,4})$/.exec(name);
  const [, family, hex = ''] = match ?? [];
  if (family === '4' && hex.length === 8) return [ipFromHex(4, hex)];
  return family === '6' && hex.length === 32 ? [ipFromHex(6, hex)] : [];
}

function holdingOf(network: string, ip: Ip, lease: Lease | undefined): Holding {
  const netns = lease?.netns === undefined ? 'unknown' : existsSync(lease.netns) ? 'alive' : 'gone';
  return { network, ip, netns, ...(lease === undefined ? {} : { lease }) };
}

/** How many addresses each subnet of a network has, and how many of them are not free. */
export const usageOf = (network: Network, holdings: readonly Holding[]) =>
  subnetsOf(network).map(({ subnet }) => {
    const total = subnet.lastUsable.value - subnet.firstUsable.value + 1n;
    const used = holdings.filter(({ ip }) => subnet.contains(ip)).length;
    return {
      network: network.name,
      subnet: String(subnet),
      total: String(total),
      used,
      free: String(total - BigInt(used)),
    };
  });

/** Leases whose namespace is certainly gone, one per attachment. */
export function deadLeases(holdings: readonly Holding[]): readonly Lease[] {
  const dead = holdings.flatMap(({ lease, netns }) => (lease !== undefined && netns === 'gone' ? [lease] : []));
  return [...new Map(dead.map((lease) => [JSON.stringify(lease.attachment), lease])).values()];
}

/**
 * Frees what a dead attachment left by DEL of the whole chain: rules, link, then the address, as a runtime would have done. DEL
 * names one attachment, so that an ADD at the same time is not in danger, which a GC with a list made before it would be.
 *
 * @throws OperatorError
 */
export async function freeDead(
  context: ChainContext,
  cacheDir: string,
  { network }: NetworkFile,
  lease: Lease,
): Promise<boolean> {
  // The namespace may have come back under its name since the listing.
  if (lease.netns !== undefined && existsSync(lease.netns)) return false;
  const { containerId, ifName } = lease.attachment;
  const cached = findCached(cacheDir, { network: network.name, containerId, ifName });
  if (cached !== undefined) await detach(context, cacheDir, networkOfCached(cached) ?? network, cached, '');
  else {
    const cniArgs = [['IgnoreUnknown', '1']] as const;
    await delChain(context, network, { containerId, ifName, netns: '', cniArgs, capabilityArgs: {} }, undefined);
  }
  return true;
}
