/**
 * Rules of version 0.1.0, which a host has until its last attachment of that version ends. To be deleted with the support for upgrading
 * from it.
 *
 *   table inet flatnet {
 *     chain net_<network> and map net_<network>    masquerade by subnet (network hash; with a "p" before it, of flatnet-portmap)
 *     chain mss_<network>                          clamped segments by subnet
 *   }
 *   table bridge flatnet { chain guard }           the base chain; map ports and chains port_… were as they are
 *
 * An attachment of that version has a host end and no chain `att_…`.
 */
import { chain, flush, map, remove, type NftCommand, type NftJson } from '@flatnet/kernel';
import { BRIDGE, BRIDGE_BASE, chainOf, firstChain, INET } from './layout.ts';
import type { Listing } from './listing.ts';
import type { AttachmentRules, RuleOwner } from './model.ts';

/** The attachments of a network that exist, by 12 digits as in `RuleOwner`. Asked only where version 0.1.0 left rules. */
export type HostEnds = () => Promise<readonly string[]>;

export interface LegacyPart {
  readonly chains: readonly string[];
  readonly maps: readonly string[];
  readonly commands: readonly NftCommand[];
}

const OLD_BASE = 'guard';
type Network = Pick<RuleOwner, 'maker' | 'networkHash'>;
const tagOf = ({ maker, networkHash }: Network): string => (maker === 'flatnet' ? networkHash : `p${networkHash}`);
const masqueradeOf = (network: Network): string => `net_${tagOf(network)}`;
const clampOf = (network: Network): string => `mss_${tagOf(network)}`;

/** What of each table nothing needs any more. */
export async function legacyRemoval(
  listings: readonly Listing[],
  isGone: (owner: RuleOwner) => boolean,
  { network, hostEnds }: { readonly network?: Network; readonly hostEnds?: HostEnds },
): Promise<ReadonlyMap<Listing, LegacyPart>> {
  const parts = new Map<Listing, LegacyPart>();
  for (const listing of listings) {
    if (listing.base.at.family === BRIDGE.family) parts.set(listing, oldBase(listing));
    else if (network !== undefined) {
      const part = ofNetwork(listing, network);
      if (part.commands.length === 0 || hostEnds === undefined) continue;
      const others = (await hostEnds()).map((attachment): RuleOwner => ({ ...network, attachment }));
      const needing = others.filter((owner) => !isGone(owner) && !listing.chains.has(chainOf(owner, 'main')));
      if (needing.length === 0) parts.set(listing, part);
    }
  }
  return parts;
}

function ofNetwork({ chains, maps }: Listing, network: Network): LegacyPart {
  const names = [masqueradeOf(network), clampOf(network)].filter((name) => chains.has(name));
  const markers = [masqueradeOf(network)].filter((name) => maps.has(name));
  return {
    ...{ chains: names, maps: markers },
    commands: [
      ...names.flatMap((name) => [flush(chain(INET, name)), remove(chain(INET, name))]),
      ...markers.map((name) => remove(map(INET, name, 'mark', 'mark'))),
    ],
  };
}

/** Its rule is that of the present base chain, so it may go as soon as that one exists. */
function oldBase({ chains }: Listing): LegacyPart {
  if (!chains.has(OLD_BASE)) return { chains: [], maps: [], commands: [] };
  const commands = [flush(chain(BRIDGE, OLD_BASE)), remove(chain(BRIDGE, OLD_BASE))];
  return { chains: [OLD_BASE], maps: [], commands: chains.has(firstChain(BRIDGE_BASE).name) ? commands : [] };
}

/** Whether the table has what version 0.1.0 made for an attachment like this: its network's chains, for each of its subnets. */
export function isServedByLegacy({ owner, masquerade, clamped }: AttachmentRules, { chains }: Listing): boolean {
  const sources = new Set((chains.get(masqueradeOf(owner)) ?? []).flatMap(sourceOf));
  const isClamped = (chains.get(clampOf(owner)) ?? []).length > 0;
  const isMasqueraded = masquerade === undefined || masquerade.subnets.some((subnet) => sources.has(subnet));
  return (masquerade !== undefined || clamped !== undefined) && isMasqueraded && (clamped === undefined || isClamped);
}

/** The first expression of each rule matches a subnet; nft prints a single address without its length. */
function sourceOf(rule: NftJson): readonly string[] {
  const right = (rule as readonly { readonly match?: { readonly right?: unknown } }[])[0]?.match?.right;
  if (typeof right === 'string') return [`${right}/${right.includes(':') ? 128 : 32}`];
  const net = (right as { readonly prefix?: { readonly addr: string; readonly len: number } } | undefined)?.prefix;
  return net === undefined ? [] : [`${net.addr}/${net.len}`];
}

/** Whether version 0.1.0 guards the port: its chain and element are those of today, and its base chain looks them up. */
export const hasOldBase = ({ chains }: Listing): boolean => (chains.get(OLD_BASE) ?? []).length > 0;

/** The networks of which version 0.1.0 left a chain of masquerade: for listings. */
export const legacyNetworks = ({ chains }: Listing): readonly Network[] =>
  [...chains.keys()].flatMap((name): Network[] => {
    const [, portmap, networkHash] = /^(?:net|mss)_(p?)([0-9a-f]{12})$/.exec(name) ?? [];
    return networkHash === undefined ? [] : [{ maker: portmap === 'p' ? 'flatnet-portmap' : 'flatnet', networkHash }];
  });
