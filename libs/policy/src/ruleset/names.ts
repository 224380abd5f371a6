/** Names in the table, which carry no text of a user's. Pure. */
import { sha256Hex } from '@flatnet/digest';
import type { NamedSet } from './table-state.ts';
import { type Family, FAMILIES, hashOf } from './words.ts';

/** As `networkHash` of the protocol. */
export const networkHash = (name: string): string => sha256Hex(name).slice(0, 12);

/** The chain of what a network's containers may reach. */
export const chainOfNetwork = (hash: string): string => `n_${hash}`;

/** The links of a network: its bridge, and one name for each attachment, by which the kernel knows how many there are. */
export const linksOf = (hash: string): NamedSet => ({ name: `l_${hash}`, type: 'ifname' });
export const anchorOf = (attachment: string): string => `fl${attachment.slice(0, 12)}`;

/** The addresses of the containers of a network that a peer's pattern means. */
export const peersOf = (hash: string, pattern: string, family: Family): NamedSet => ({
  name: `p${family}_${hash}_${hashOf(pattern)}`,
  type: ['ifname', `ipv${family}_addr`],
});
export const peerSets = (hash: string, pattern: string): readonly NamedSet[] =>
  FAMILIES.map((family) => peersOf(hash, pattern, family));

/** Whether a set or chain can be of the network. */
export const isNetworks = (name: string, hash: string): boolean =>
  name === `n_${hash}` || name === `l_${hash}` || new RegExp(`^(?:p[46]|e|i)_${hash}_[0-9a-f]{12}$`).test(name);
