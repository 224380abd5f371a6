/** Links, addresses, routes and rules of a network namespace: what is asked and changed, apart from how. */
import type { Address } from '@flatnet/netlink/route/address';
import type { Link as KernelLink } from '@flatnet/netlink/route/link';
import type { Change } from './change.ts';

export type { Address } from '@flatnet/netlink/route/address';

export interface Link extends KernelLink {
  /** Name of the bridge that it is a port of. */
  readonly master?: string;
}

/** A route, or one of the ways of a route with several. */
export interface Route {
  /** CIDR notation; `0.0.0.0/0` and `::/0` for a default route. */
  readonly destination: string;
  /** `unicast`, `blackhole`, `unreachable`, … */
  readonly type: string;
  readonly gateway?: string;
  readonly device?: string;
  /** IPv4 has 0 where it is absent. */
  readonly metric?: number;
}

export interface RouteFilter {
  readonly family: 4 | 6;
  /** 254 is `main`, which is meant when absent. */
  readonly table?: number;
  /** Exactly this destination. */
  readonly destination?: string;
  /** Destinations that have addresses in common with this subnet. */
  readonly overlapping?: string;
}

export interface WayOptions {
  /** A default route is no way: it leads away from the host. */
  readonly exceptDefault?: boolean;
}

/**
 * Every call is about the namespace of this process, or about the one at `netns`, a path. It returns when the kernel has answered.
 *
 * @throws RtnetlinkError: kind `not-found` where the namespace, or a link that is named, does not exist.
 */
export interface Rtnetlink {
  /** Makes the changes in order, until the kernel refuses one. @param doing what for, in the words of an error message. */
  change(doing: string, changes: readonly Change[], netns?: string): void;
  /** By name or alternative name; undefined when there is no such link. */
  findLink(name: string, netns?: string): Link | undefined;
  /** All links, or those of a kind. */
  listLinks(filter?: { readonly kind?: string; readonly master?: string }, netns?: string): readonly Link[];
  /** The addresses of one link. */
  listAddresses(name: string, netns?: string): readonly Address[];
  listRoutes(filter: RouteFilter, netns?: string): readonly Route[];
  /** The device by which packets to an address leave; undefined where no route leads there. */
  findDeviceTo(address: string, options?: WayOptions): string | undefined;
  /** Removes all rules of both families that look into one of the tables, and what is in them. */
  clearTables(tables: readonly number[], netns: string): void;
}

/** `10.0.0.1/24` */
export const cidrOf = ({ address, prefixLength }: Address): string => `${address}/${prefixLength}`;
