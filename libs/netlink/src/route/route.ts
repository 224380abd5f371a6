/** Routes as values, and the messages that change them. Questions are in `read-route.ts`. */
import { type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../message.ts';
import { ipBytes } from '../text.ts';
import { attribute, attributeU32, LITTLE_ENDIAN, nested, reserve, type Writer } from '../writer.ts';
import { RTM_DELROUTE, RTM_NEWROUTE } from './constants.ts';
import { parsePrefix } from './family.ts';

/** RTN_* of linux/rtnetlink.h, by their place. */
export const ROUTE_TYPES = [
  'unspecified',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
] as const;
export type RouteType = (typeof ROUTE_TYPES)[number];

/** RT_SCOPE_* of linux/rtnetlink.h */
export const ROUTE_SCOPES = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
export const TABLE_MAIN = 254;
/** RTPROT_* of linux/rtnetlink.h */
export const PROTOCOL_KERNEL = 2;
export const PROTOCOL_BOOT = 3;
export const PROTOCOL_STATIC = 4;

export interface RouteMetrics {
  readonly mtu?: number;
  readonly advmss?: number;
}

/** A route to make or to remove. */
export interface RouteSpec {
  /** `10.0.0.0/8`, `0.0.0.0/0`, `::/0`; the bits after the prefix must be zero. */
  readonly destination: string;
  readonly gateway?: string;
  /** Index of the link that packets leave by; needed for a gateway of IPv6 that is link-local. */
  readonly index?: number;
  /** The gateway is reached by the link although no route says so. */
  readonly onlink?: boolean;
  /** Of two routes to one destination the one with the lower metric is used. IPv6 has 1024 where it is absent. */
  readonly metric?: number;
  /** Source address of packets that the host itself sends. */
  readonly prefSrc?: string;
  /** 254 (`main`) when absent. */
  readonly table?: number;
  /** When absent: `host` for a local route, `link` without gateway, else `global`. IPv6 has none. */
  readonly scope?: keyof typeof ROUTE_SCOPES;
  /** `unicast` when absent. */
  readonly type?: RouteType;
  /** The program that made it; 3 (`boot`, as `ip route` says) when absent. */
  readonly protocol?: number;
  readonly metrics?: RouteMetrics;
}

/** RTA_*, RTAX_*, RTNH_F_* of linux/rtnetlink.h */
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_TABLE = 15;
export const RTAX_MTU = 2;
export const RTAX_ADVMSS = 8;
export const RTNH_F_ONLINK = 4;
export const RTNH_F_DEAD = 1;
export const RTNH_F_LINKDOWN = 16;
export const ROUTE_HEADER = 12;

/** Adds a route. EEXIST: the same destination with the same metric is there. ENETUNREACH: the gateway cannot be reached. */
export const addRoute = (route: RouteSpec): Message => newRoute(route, NLM_F_CREATE | NLM_F_EXCL);
/** Adds it after one with the same destination and metric; the earlier stays in use. EEXIST: exactly this one is there. */
export const appendRoute = (route: RouteSpec): Message => newRoute(route, NLM_F_CREATE | NLM_F_APPEND);
/** Takes the place of the first route with the same destination and metric, or is added. */
export const replaceRoute = (route: RouteSpec): Message => newRoute(route, NLM_F_CREATE | NLM_F_REPLACE);

const newRoute = (route: RouteSpec, flags: number): Message => ({
  name: 'RTM_NEWROUTE',
  type: RTM_NEWROUTE,
  flags,
  write: (writer) =>
    writeRoute(writer, route, { type: route.type ?? 'unicast', protocol: route.protocol ?? PROTOCOL_BOOT }),
});

/**
 * Removes the first route that has all that is given; what is absent may be anything. ESRCH: there is none.
 */
export const deleteRoute = (route: RouteSpec): Message => ({
  name: 'RTM_DELROUTE',
  type: RTM_DELROUTE,
  flags: 0,
  write(writer) {
    const scope = route.scope ?? 'nowhere';
    writeRoute(writer, { ...route, scope }, { type: route.type ?? 'unspecified', protocol: route.protocol ?? 0 });
  },
});

function writeRoute(writer: Writer, route: RouteSpec, { type, protocol }: { type: RouteType; protocol: number }): void {
  const { bytes, length, family } = parsePrefix(route.destination);
  const { gateway, index, metric, prefSrc, metrics } = route;
  const table = route.table ?? TABLE_MAIN;
  const isV4 = bytes.length === 4;
  const scope = ROUTE_SCOPES[route.scope ?? usualScope(type, gateway !== undefined)];
  routeHeader(writer, {
    family,
    length,
    table,
    protocol,
    // IPv6 has no scopes.
    scope: isV4 ? scope : 0,
    type: ROUTE_TYPES.indexOf(type),
    flags: route.onlink === true ? RTNH_F_ONLINK : 0,
  });
  if (length > 0) attribute(writer, RTA_DST, bytes);
  if (gateway !== undefined) attribute(writer, RTA_GATEWAY, ipBytes(gateway));
  if (prefSrc !== undefined) attribute(writer, RTA_PREFSRC, ipBytes(prefSrc));
  if (metric !== undefined) attributeU32(writer, RTA_PRIORITY, metric);
  if (table > 255) attributeU32(writer, RTA_TABLE, table);
  if (index !== undefined) attributeU32(writer, RTA_OIF, index);
  if (metrics !== undefined) writeMetrics(writer, metrics);
}

/** As `ip route` chooses it. */
function usualScope(type: RouteType, hasGateway: boolean): keyof typeof ROUTE_SCOPES {
  if (type === 'local' || type === 'nat') return 'host';
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 'link';
  return type === 'unicast' && !hasGateway ? 'link' : 'global';
}

function writeMetrics(writer: Writer, { mtu, advmss }: RouteMetrics): void {
  if (mtu === undefined && advmss === undefined) return;
  nested(writer, RTA_METRICS, () => {
    if (mtu !== undefined) attributeU32(writer, RTAX_MTU, mtu);
    if (advmss !== undefined) attributeU32(writer, RTAX_ADVMSS, advmss);
  });
}

export interface RouteHeader {
  readonly family: number;
  readonly length?: number;
  readonly table?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}

/** `struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type, flags. */
export function routeHeader(
  writer: Writer,
  { family, length, table, protocol, scope, type, flags }: RouteHeader,
): void {
  const at = reserve(writer, ROUTE_HEADER);
  // A table over 255 stands in RTA_TABLE, and 0 here.
  const small = (table ?? 0) > 255 ? 0 : (table ?? 0);
  writer.bytes.set([family, length ?? 0, 0, 0, small, protocol ?? 0, scope ?? 0, type ?? 0], at);
  writer.view.setUint32(at + 8, flags ?? 0, LITTLE_ENDIAN);
}
