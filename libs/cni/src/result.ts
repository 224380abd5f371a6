/** Result types in the shape of the newest version (spec 1.1.0, "Success"); `render.ts` and `parse.ts` know the older ones. */

/** `interfaces[]` of an ADD result. `sandbox` is the netns path and is absent for interfaces of the host. */
export interface Interface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly sandbox?: string;
  readonly socketPath?: string;
  readonly pciID?: string;
}

/** `ips[]`: an address with its prefix length, and the index in `interfaces` that it belongs to. */
export interface IpConfig {
  readonly address: string;
  readonly gateway?: string;
  readonly interface?: number;
}

/** `routes[]`: `dst` in CIDR notation; the optional fields mean what they mean to `ip route`. */
export interface Route {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface Dns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** What a delegated IPAM plugin answers: no interfaces. */
export interface IpamResult {
  readonly ips: readonly IpConfig[];
  readonly routes: readonly Route[];
  readonly dns: Dns;
}

/** What ADD of a main or chained plugin answers. */
export interface AddResult extends IpamResult {
  readonly interfaces: readonly Interface[];
}
