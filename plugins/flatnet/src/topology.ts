/**
 * What a configuration and the delegated plugin's answer amount to: values first, effects elsewhere.
 *
 *   container netns              host netns
 *   eth0 10.87.1.2/24  <-veth->  fl3c0a91d2e7b4 --port--> fl-NETWORK 10.87.1.1/24 --ip_forward, masquerade--> uplink
 */
import type { Ip } from '@flatnet/addressing';
import { Cidr, parseCidr, parseIp } from '@flatnet/addressing';
import { CniError, ErrorCode, shown, type IpamResult, type Route } from '@flatnet/cni';
import type { RouteSpec } from '@flatnet/kernel';
import type { FlatnetConfig } from './config.ts';
import { subnetOf } from './subnet.ts';

export interface WantedAddress {
  readonly cidr: Cidr;
  readonly gateway?: Ip;
}

/** All that the container's interface, and the bridge as its gateway, shall have. */
export interface Topology {
  readonly addresses: readonly WantedAddress[];
  readonly routes: readonly RouteSpec[];
  /** Destinations of the answer in whose family the interface has no address: no route to them can be used, so none is made. */
  readonly leftOut: readonly string[];
  /** Addresses of the bridge: empty unless it is a gateway. */
  readonly gateways: readonly Cidr[];
  /** Subnets to masquerade: empty unless asked for. */
  readonly masqueraded: readonly string[];
  /** `ips` and `routes` as the result shows them. */
  readonly result: Pick<IpamResult, 'ips' | 'routes'>;
}

const DEFAULT_DESTINATION = { 4: '0.0.0.0/0', 6: '::/0' } as const;
/** RT_SCOPE_LINK: a destination on the link itself has no gateway. */
const SCOPE_LINK = 253;
/** The container end is the third of the result's interfaces, after the bridge and the host end. */
const CONTAINER_INTERFACE = 2;

/** @throws CniError code 6 when the delegated plugin's answer has no address, or a text that is not one. */
export function topologyOf(config: FlatnetConfig, ifName: string, ipam: IpamResult): Topology {
  const addresses = ipam.ips.map((ip): WantedAddress => {
    const cidr = read(() => parseCidr(ip.address), 'ips[].address', ip.address);
    const gateway =
      ip.gateway === undefined ? undefined : read(() => parseIp(ip.gateway ?? ''), 'ips[].gateway', ip.gateway);
    if (gateway === undefined && !config.isGateway) return { cidr };
    return { cidr, gateway: gateway ?? cidr.firstUsable };
  });
  if (addresses.length === 0) badAnswer('it has no address');
  const families = new Set(addresses.map(({ cidr }) => cidr.ip.family));
  const wanted = wantedRoutes(config, ipam.routes, addresses);
  const routes = wanted.filter(({ dst }) => families.has(familyOf(dst)));
  return {
    addresses,
    leftOut: wanted.filter((route) => !routes.includes(route)).map(({ dst }) => dst),
    routes: routes.map((route) => routeSpec(route, ifName, addresses)),
    gateways: config.isGateway ? unique(addresses.flatMap(gatewayCidr)) : [],
    masqueraded: config.ipMasq ? [...new Set(addresses.map(({ cidr }) => subnetOf(cidr)))] : [],
    result: {
      ips: addresses.map(({ cidr, gateway }) => ({
        address: String(cidr),
        ...(gateway === undefined ? {} : { gateway: String(gateway) }),
        interface: CONTAINER_INTERFACE,
      })),
      routes,
    },
  };
}

const familyOf = (dst: string): 4 | 6 => (dst.includes(':') ? 6 : 4);

const gatewayCidr = ({ cidr, gateway }: WantedAddress): Cidr[] =>
  gateway === undefined ? [] : [new Cidr(gateway, cidr.prefix)];

const unique = (cidrs: readonly Cidr[]): readonly Cidr[] => [
  ...new Map(cidrs.map((cidr) => [String(cidr), cidr])).values(),
];

function badAnswer(why: string): never {
  throw new CniError(ErrorCode.decodingFailure, 'the IPAM plugin gave no usable result', why);
}

function read<T>(parse: () => T, field: string, value: string): T {
  try {
    return parse();
  } catch {
    return badAnswer(`${field} is ${shown(value)}`);
  }
}

/** Whether a destination in CIDR notation is everything. */
export const isDefault = (dst: string): boolean => dst.endsWith('/0');

/** The routes of the answer, and a default route per family that has a gateway and none yet. `internal` networks have no way out. */
function wantedRoutes(
  config: FlatnetConfig,
  given: readonly Route[],
  addresses: readonly WantedAddress[],
): readonly Route[] {
  const kept = given
    .map((route): Route => {
      const dst = read(() => parseCidr(route.dst), 'routes[].dst', route.dst);
      return {
        ...route,
        dst: subnetOf(dst),
        ...(route.gw === undefined ? {} : { gw: String(read(() => parseIp(route.gw ?? ''), 'routes[].gw', route.gw)) }),
      };
    })
    .filter((route) => !(config.internal && isDefault(route.dst)));
  const added = ([4, 6] as const).flatMap((family): Route[] => {
    const gateway = addresses.find(({ cidr }) => cidr.ip.family === family)?.gateway;
    const present = kept.some(({ dst }) => dst === DEFAULT_DESTINATION[family]);
    if (!config.isDefaultGateway || gateway === undefined || present) return [];
    return [{ dst: DEFAULT_DESTINATION[family], gw: String(gateway) }];
  });
  const priority = config.defaultRoutePriority;
  return [...kept, ...added].map((route) =>
    priority !== undefined && isDefault(route.dst) && route.priority === undefined ? { ...route, priority } : route,
  );
}

/** A route without a gateway goes by the gateway of its family's first address, as in the reference plugins. */
function routeSpec(route: Route, dev: string, addresses: readonly WantedAddress[]): RouteSpec {
  const family = familyOf(route.dst);
  const inherited = addresses.find(({ cidr, gateway }) => cidr.ip.family === family && gateway !== undefined)?.gateway;
  const onLink = route.scope !== undefined && route.scope >= SCOPE_LINK;
  const gateway = route.gw ?? (onLink || inherited === undefined ? undefined : String(inherited));
  const { mtu, advmss, priority, table, scope } = route;
  return {
    ...{ family, dst: route.dst, dev },
    ...(gateway === undefined ? {} : { gateway }),
    ...Object.fromEntries(
      Object.entries({ mtu, advmss, priority, table, scope }).filter(([, value]) => value !== undefined),
    ),
  };
}
