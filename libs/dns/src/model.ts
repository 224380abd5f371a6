/** Words of this library. All values are checked before they get here: they are written into files that dnsmasq reads. */

/** By which the names of an attachment are found: hashes of its network, and of network, container and interface. */
export interface OwnerKey {
  readonly networkHash: string;
  readonly hash: string;
  readonly containerId: string;
}

export interface Owner extends OwnerKey {
  readonly network: string;
  readonly ifName: string;
}

/** Where names are asked for that no container has: the host's resolvers, these addresses, or nowhere. */
export type Upstreams = 'host' | 'none' | readonly string[];

/** What one server answers for. */
export interface Zone {
  readonly network: string;
  readonly networkHash: string;
  /** The device that the containers' gateway addresses are on. */
  readonly bridge: string;
  /** Of the bridge, without prefix lengths: where containers ask. */
  readonly addresses: readonly string[];
  /** In CIDR notation. */
  readonly subnets: readonly string[];
  /** `web` is also `web.DOMAIN`. */
  readonly domain: string;
  readonly upstreams: Upstreams;
}

/** The names of one attachment. */
export interface Entry {
  readonly owner: Owner;
  /** CNI_NETNS. */
  readonly netns: string;
  /** Without prefix lengths. */
  readonly addresses: readonly string[];
  /** Lower case; the first one is what an address is called. */
  readonly names: readonly string[];
}
