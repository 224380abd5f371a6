/** Changes of links, addresses, routes and routing rules, as values. `Rtnetlink` carries them out. */
import type { BridgeSettings } from '@flatnet/netlink/route/bridge';
import type { PortSettings } from '@flatnet/netlink/route/port';
import type { Vlan } from '@flatnet/netlink/route/bridge-vlan';

/** A veth pair: the host end here, the container end made in place in the namespace at `netns`. */
export interface VethSpec {
  readonly host: string;
  readonly hostMac: string;
  readonly container: string;
  readonly containerMac: string;
  readonly netns: string;
  readonly mtu?: number;
  /** Group of the host end: the one attribute beside the MAC that the kernel sets in the creating call itself (it ignores an alias there). */
  readonly group?: number;
}

export interface BridgeSpec {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
}

export interface VlanSpec {
  readonly name: string;
  /** The link whose tagged packets it gets. */
  readonly parent: string;
  readonly id: number;
}

/** What is set of a link; an absent field stays as it is. */
export interface LinkChange {
  readonly mac?: string;
  readonly alias?: string;
  /** No IPv6 address is made up by the kernel. */
  readonly noLinkLocal?: true;
  /** Name of the bridge. */
  readonly master?: string;
  /** 0 is the default group. */
  readonly group?: number;
  readonly promiscuous?: true;
  readonly up?: true;
}

/** A route. Texts are addresses that were parsed and printed again. */
export interface RouteSpec {
  readonly family: 4 | 6;
  /** CIDR notation, also for everything (`::/0`). */
  readonly dst: string;
  readonly gateway?: string;
  readonly dev: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  /** RT_SCOPE_* of linux/rtnetlink.h: 0 global, 253 link, 254 host. IPv6 has none. */
  readonly scope?: number;
}

/** Packets from `source` look for their way in `table` first. */
export interface SourceRule {
  readonly source: string;
  readonly table: number;
  readonly priority: number;
}

export type Change =
  | ({ readonly do: 'create-veth' } & VethSpec)
  | ({ readonly do: 'create-bridge' } & BridgeSpec)
  | ({ readonly do: 'create-vlan' } & VlanSpec)
  | { readonly do: 'add-alternative-name'; readonly name: string; readonly alternative: string }
  | { readonly do: 'set-link'; readonly name: string; readonly change: LinkChange }
  | { readonly do: 'set-port'; readonly name: string; readonly settings: PortSettings }
  | { readonly do: 'set-bridge'; readonly name: string; readonly settings: BridgeSettings }
  | { readonly do: 'add-proxy' | 'delete-proxy'; readonly name: string; readonly address: string }
  | {
      readonly do: 'add-vlans' | 'delete-vlans';
      readonly name: string;
      readonly vlans: readonly Vlan[];
      readonly self: boolean;
    }
  | { readonly do: 'delete-link'; readonly name: string }
  | { readonly do: 'add-address'; readonly name: string; readonly address: string; readonly detectDuplicates: boolean }
  | { readonly do: 'delete-address'; readonly name: string; readonly address: string }
  | { readonly do: 'append-route'; readonly route: RouteSpec; readonly onlink: boolean }
  | { readonly do: 'add-rule'; readonly rule: SourceRule };

/** Both MACs are given at creation: udev rewrites those that it believes were made up by the kernel. */
export const createVeth = (spec: VethSpec): Change => ({ do: 'create-veth', ...spec });
export const createBridge = (spec: BridgeSpec): Change => ({ do: 'create-bridge', ...spec });
export const createVlan = (spec: VlanSpec): Change => ({ do: 'create-vlan', ...spec });

/** A second, long name (kernel 5.5): deleting by it checks the owner and deletes in one step. */
export const addAlternativeName = (name: string, alternative: string): Change => ({
  ...{ do: 'add-alternative-name', name, alternative },
});

export const setLink = (name: string, change: LinkChange): Change => ({ do: 'set-link', name, change });
/** Fails when the link is not the port of a bridge. */
export const setPort = (name: string, settings: PortSettings): Change => ({ do: 'set-port', name, settings });
/** @param name of the link, or its alternative name. */
export const deleteLink = (name: string): Change => ({ do: 'delete-link', name });

export const setBridge = (name: string, settings: BridgeSettings): Change => ({ do: 'set-bridge', name, settings });
/** Makes a bridge keep VLANs apart. */
export const filterVlans = (bridge: string): Change => setBridge(bridge, { vlanFiltering: true });

/** The host answers on a link for an address that is elsewhere. No failure where it does so already. */
export const addProxy = (name: string, address: string): Change => ({ do: 'add-proxy', name, address });
/** Fails with `not-found` where there is no such proxy. */
export const deleteProxy = (name: string, address: string): Change => ({ do: 'delete-proxy', name, address });
/** @param self the VLANs of the bridge itself, in place of those of a port. */
export const addVlans = (name: string, vlans: readonly Vlan[], self = false): Change => ({
  ...{ do: 'add-vlans', name, vlans, self },
});
export const deleteVlans = (name: string, vlans: readonly Vlan[]): Change => ({
  ...{ do: 'delete-vlans', name, vlans, self: false },
});

/**
 * @param address in CIDR notation. IPv4 gets its subnet's broadcast address.
 * @param detectDuplicates whether IPv6 asks first whether another has the address: for a second it cannot be used.
 */
export const addAddress = (name: string, address: string, detectDuplicates = false): Change => ({
  ...{ do: 'add-address', name, address, detectDuplicates },
});
export const deleteAddress = (name: string, address: string): Change => ({ do: 'delete-address', name, address });

/**
 * Two routes to one destination may stand side by side, as with the reference plugins.
 *
 * @param onlink the gateway lies outside of the interface's subnet (a /32 address).
 */
export const appendRoute = (route: RouteSpec, onlink = false): Change => ({ do: 'append-route', route, onlink });
export const addSourceRule = (rule: SourceRule): Change => ({ do: 'add-rule', rule });

/** A change in words, for errors: `append route 10.0.0.0/8 via 10.1.0.1`. */
export function wordsOf(change: Change): string {
  const verb = change.do.replaceAll('-', ' ');
  switch (change.do) {
    case 'create-veth':
      return `${verb} ${change.host} with ${change.container} in ${change.netns}`;
    case 'append-route': {
      const { dst, gateway, dev } = change.route;
      return `${verb} ${dst}${gateway === undefined ? '' : ` via ${gateway}`} dev ${dev}`;
    }
    case 'add-rule':
      return `${verb} from ${change.rule.source} lookup ${change.rule.table}`;
    case 'add-address':
    case 'delete-address':
      return `${verb} ${change.address} dev ${change.name}`;
    default:
      return `${verb} ${change.name}`;
  }
}
