import { DEFAULT_DATA_DIR } from '@flatnet/cni';
import { ipFromHex, type Ip } from '@flatnet/addressing';
import { openStore, StoreError, type Lease } from '@flatnet/store';
import { hostLinks, lifeOf, type Life } from '../chain/life.ts';
import { ipamOf, type Network } from '../conflist/model.ts';
import { environment } from '../failure.ts';
import { isLeasedHere } from './leased-here.ts';

/** One address that is not free. */
export interface Holding {
  readonly network: string;
  readonly ip: Ip;
  /** Undefined when the record cannot be read. */
  readonly lease?: Lease;
  /** Whether the container lives that the lease was made for. */
  readonly netns: Life;
}

/** The leases of flatnet-ipam on a network, by address. Empty for networks of another IPAM. @throws OperatorError */
export const holdingsOf = (network: Network, cniPath: readonly string[]): readonly Holding[] =>
  isLeasedHere(network, cniPath) ? holdingsIn(network.name, storeFolderOf(network)) : [];

/** Where the leases of a network are. */
export function storeFolderOf(network: Network): string {
  const { dataDir } = ipamOf(network);
  return typeof dataDir === 'string' && dataDir !== '' ? dataDir : DEFAULT_DATA_DIR;
}

/** The leases of a network in the store below `folder`; empty when there is none. @throws OperatorError */
export function holdingsIn(network: string, folder: string): readonly Holding[] {
  try {
    const { view } = openStore({ network, dataDir: folder });
    const links = hostLinks();
    return view
      .takenNames()
      .flatMap(ipOf)
      .map((ip) => holdingOf(network, ip, view.holderOf(ip), links));
  } catch (error) {
    if (error instanceof StoreError)
      throw environment(`${error.path}: ${error.message}`, `look at ${error.path}`, error);
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

function holdingOf(network: string, ip: Ip, lease: Lease | undefined, links: ReadonlySet<string>): Holding {
  if (lease === undefined) return { network, ip, netns: 'unknown' };
  const { attachment, netns } = lease;
  return {
    network,
    ip,
    lease,
    netns: lifeOf({ network, attachment, ...(netns === undefined ? {} : { netns }) }, links),
  };
}

/** Leases whose namespace is certainly gone, one per attachment. */
export function deadLeases(holdings: readonly Holding[]): readonly Lease[] {
  const dead = holdings.flatMap(({ lease, netns }) => (lease !== undefined && netns === 'gone' ? [lease] : []));
  return [...new Map(dead.map((lease) => [JSON.stringify(lease.attachment), lease])).values()];
}
