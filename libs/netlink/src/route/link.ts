/** Links as values: which, and how they are read. What is written is `new-link.ts` and `set-link.ts`. */
import type { BridgeSettings } from './bridge.ts';
import type { PortSettings } from './port.ts';
import type { VxlanSettings } from './vxlan.ts';

/** A link by its index, its name (at most 15 bytes), or an alternative name (at most 127). */
export type LinkRef = { readonly index: number } | { readonly name: string } | { readonly altName: string };

/** IN6_ADDR_GEN_MODE_* of linux/if_link.h, by their place. */
export const ADDR_GEN_MODES = ['eui64', 'none', 'stable-privacy', 'random'] as const;
export type AddrGenMode = (typeof ADDR_GEN_MODES)[number];

/** IF_OPER_* of linux/if.h, by their place. */
export const OPER_STATES = ['unknown', 'not-present', 'down', 'lower-layer-down', 'testing', 'dormant', 'up'] as const;

/** A link as the kernel describes it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly altNames: readonly string[];
  /** `ifalias`: a free text. */
  readonly alias?: string;
  /** `veth`, `bridge`, `vlan`, …; absent for hardware and for `lo`. */
  readonly kind?: string;
  /** In lower case; absent where the link has no address. */
  readonly mac?: string;
  readonly mtu: number;
  /** IFF_* of linux/if.h. */
  readonly flags: number;
  /** Set up by its owner (IFF_UP). Whether packets can pass is `carrier`. */
  readonly up: boolean;
  readonly carrier: boolean;
  readonly operState: (typeof OPER_STATES)[number];
  /** Index of the bridge, bond or VRF that it is a port of. */
  readonly masterIndex?: number;
  /** Index of the parent (vlan, macvlan) or of the peer (veth); in the namespace of `parentNetnsId` where that is given. */
  readonly parentIndex?: number;
  /** The id by which this namespace knows that of the parent or peer (`route/nsid.ts`). */
  readonly parentNetnsId?: number;
  /** How many users want it promiscuous. */
  readonly promiscuity: number;
  readonly txQueueLength: number;
  readonly group: number;
  readonly addrGenMode?: AddrGenMode;
  /** Of a bridge. */
  readonly bridge?: BridgeSettings;
  /** Of a bridge's port. */
  readonly port?: PortSettings;
  readonly vlan?: { readonly id: number; readonly protocol: number };
  readonly vxlan?: VxlanSettings;
}

/** What of a link can be set, when it is made or later. An absent field stays as it is. */
export interface LinkSettings {
  readonly name?: string;
  /** `aa:bb:cc:dd:ee:ff` */
  readonly mac?: string;
  readonly mtu?: number;
  readonly txQueueLength?: number;
  /** A number of the administrator's, by which links are asked for together; 0 is the default. */
  readonly group?: number;
  readonly up?: boolean;
  /** Counts this setting alone: others may keep the link promiscuous. */
  readonly promiscuous?: boolean;
  /** Takes packets for all multicast groups. */
  readonly allMulticast?: boolean;
  /** 0 takes the link out. */
  readonly masterIndex?: number;
  /** A descriptor of the network namespace that it moves to. */
  readonly netns?: number;
}
