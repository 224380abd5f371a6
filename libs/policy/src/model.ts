/** The words of this library. */
import type { Direction, Settings, Verdicts } from './language/index.ts';

/** An attachment by its names and their hashes (`@flatnet/cni`). */
export interface Owner {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly networkHash: string;
  readonly hash: string;
}
export type OwnerKey = Pick<Owner, 'networkHash' | 'hash'>;

/** What holds for all attachments of a network. */
export interface Network extends Omit<Settings, 'policies'> {
  readonly name: string;
  readonly hash: string;
  readonly bridge: string;
  /** Sources that no attachment has are closed: so where a policy closes the way out of any container. */
  readonly isListed: boolean;
  /** Packets between its containers are judged, too. */
  readonly judgesSiblings: boolean;
  /** For firewalls of other programs: the zone of firewalld, and which of them is helped. */
  readonly firewalldZone: string;
  readonly backend?: Backend;
}

/** How the key is spelled: firewalls of other programs that are helped; absent: those that are there. */
export const BACKENDS = ['iptables', 'firewalld', 'nftables'] as const;
export type Backend = (typeof BACKENDS)[number];

export type Place = Pick<Network, 'name' | 'hash' | 'bridge' | 'firewalldZone' | 'backend'>;

export function networkOf({ policies, ...settings }: Settings, place: Place): Network {
  return {
    ...settings,
    ...place,
    isListed: policies.some(({ egress }) => egress !== undefined),
    judgesSiblings: settings.ingressPolicy === 'isolated' || policies.length > 0,
  };
}

/** How packets between siblings meet the rules; `none`: they do not. */
export type SiblingsWay = 'none' | 'br_netfilter' | 'routed';

/** The way, and what it changed as it was before: `flags` of the bridge, settings below /proc/sys/net. */
export interface SiblingsState {
  readonly way: SiblingsWay;
  readonly flags?: { readonly nfCallIptables: boolean; readonly nfCallIp6tables: boolean };
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** One container's interface, and what holds for it. */
export interface Attachment {
  readonly owner: Owner;
  /** Of the device that packets of the container come by. */
  readonly bridge: string;
  /** Without prefix length, link-local ones too. */
  readonly addresses: readonly string[];
  /** Its names and aliases. */
  readonly names: readonly string[];
  readonly verdicts: Verdicts;
  /** Patterns of peers, of its own configuration, that mean this container. */
  readonly peers: readonly string[];
}

export type { Direction, Verdicts };

export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
