/** Questions for routes: which one a destination takes, and lists. */
import type { Query } from '../message.ts';
import {
  address as readIp,
  type Attributes,
  nestedAttributes,
  optional,
  present,
  readAttributes,
  u16,
  u32,
  u8,
} from '../reader.ts';
import { ipBytes } from '../text.ts';
import { attribute, attributeU32 } from '../writer.ts';
import { RTM_GETROUTE, RTM_NEWROUTE } from './constants.ts';
import { addressFamily, AF_INET, AF_INET6, type IpFamily, parsePrefix } from './family.ts';
import * as r from './route.ts';

export interface NextHop {
  readonly gateway?: string;
  readonly index: number;
  readonly weight: number;
  readonly onlink: boolean;
}

/** A route as the kernel describes it. */
export interface Route {
  readonly family: IpFamily;
  /** `10.0.0.0/8`; `0.0.0.0/0` and `::/0` for a default route. */
  readonly destination: string;
  readonly type: r.RouteType;
  readonly table: number;
  readonly protocol: number;
  /** RT_SCOPE_*; 0 (`global`) for all of IPv6. */
  readonly scope: number;
  readonly gateway?: string;
  readonly index?: number;
  readonly onlink: boolean;
  /** Its link is down, or has no carrier. */
  readonly dead: boolean;
  readonly metric?: number;
  readonly prefSrc?: string;
  readonly metrics?: r.RouteMetrics;
  /** The ways of a route with several, whose `gateway` and `index` are absent. */
  readonly nextHops?: readonly NextHop[];
}

/** linux/rtnetlink.h */
const RTM_F_CLONED = 0x200;
/** Says in which table the route was found. */
const RTM_F_LOOKUP_TABLE = 0x1000;
const RTM_F_FIB_MATCH = 0x2000;

export interface Lookup {
  /** An address without prefix. */
  readonly destination: string;
  /** Answers the route that matches, in place of the way of one packet: with its prefix, metric and protocol. Since Linux 4.13. */
  readonly fibMatch?: boolean;
}

/** Which route a packet to an address takes. ENETUNREACH: none; EHOSTUNREACH, EACCES, EINVAL: a route that refuses. */
export const lookupRoute = ({ destination, fibMatch }: Lookup): Query<Route> => {
  const bytes = ipBytes(destination);
  return {
    name: 'RTM_GETROUTE',
    type: RTM_GETROUTE,
    flags: 0,
    write(writer) {
      const family = bytes.length === 4 ? AF_INET : AF_INET6;
      // IPv6 says the table without being asked, and refuses the question.
      const flags = (family === AF_INET ? RTM_F_LOOKUP_TABLE : 0) | (fibMatch === true ? RTM_F_FIB_MATCH : 0);
      r.routeHeader(writer, { family, length: bytes.length * 8, flags });
      attribute(writer, r.RTA_DST, bytes);
    },
    decode: decodeRoute,
  };
};

export interface RouteFilter {
  readonly family: IpFamily;
  readonly table?: number;
  readonly index?: number;
  readonly protocol?: number;
  readonly type?: r.RouteType;
  /** Exactly this destination. The kernel does not look for it, but what differs costs no more than a comparison. */
  readonly destination?: string;
  /** A destination that has addresses in common with this subnet. As `destination`. */
  readonly overlapping?: string;
}

/** Routes of a family; the kernel filters since 4.20, and the rest is left out here. For `dump`. ENOENT: there is no such table. */
export function listRoutes(filter: RouteFilter): Query<Route> {
  const isWanted = destinationFilter(filter);
  return {
    name: 'RTM_GETROUTE',
    type: RTM_GETROUTE,
    flags: 0,
    write(writer) {
      const { family, table, index, protocol } = filter;
      r.routeHeader(writer, {
        family: addressFamily(family),
        ...(protocol === undefined ? {} : { protocol }),
        ...(filter.type === undefined ? {} : { type: r.ROUTE_TYPES.indexOf(filter.type) }),
      });
      if (table !== undefined) attributeU32(writer, r.RTA_TABLE, table);
      if (index !== undefined) attributeU32(writer, r.RTA_OIF, index);
    },
    decode(body, type) {
      // Cached ways of single packets are not routes.
      if (type === RTM_NEWROUTE && ((u32(body, 8) & RTM_F_CLONED) !== 0 || !isWanted(body))) return undefined;
      const route = decodeRoute(body, type);
      return route !== undefined && matches(route, filter) ? route : undefined;
    },
  };
}

/** Looks at the header and at one attribute: the table of a router may have a million routes. */
function destinationFilter({ destination, overlapping }: RouteFilter): (body: Uint8Array) => boolean {
  const text = destination ?? overlapping;
  if (text === undefined) return () => true;
  const wanted = parsePrefix(text);
  return (body) => {
    const length = u8(body, 1);
    if (destination !== undefined && length !== wanted.length) return false;
    const common = Math.min(length, wanted.length);
    if (common === 0) return true;
    const bytes = readAttributes(body, r.ROUTE_HEADER).get(r.RTA_DST) ?? new Uint8Array(wanted.bytes.length);
    return isSamePrefix(bytes, wanted.bytes, common);
  };
}

function isSamePrefix(one: Uint8Array, other: Uint8Array, length: number): boolean {
  const whole = length >> 3;
  for (let at = 0; at < whole; at += 1) if (one[at] !== other[at]) return false;
  const mask = (0xff00 >> (length & 7)) & 0xff;
  return ((one[whole] ?? 0) & mask) === ((other[whole] ?? 0) & mask);
}

const matches = (route: Route, { family, table, index, protocol, type }: RouteFilter): boolean =>
  route.family === family &&
  (table === undefined || route.table === table) &&
  (protocol === undefined || route.protocol === protocol) &&
  (type === undefined || route.type === type) &&
  (index === undefined || route.index === index || (route.nextHops ?? []).some((hop) => hop.index === index));

/** @throws WireError. */
export function decodeRoute(body: Uint8Array, type: number): Route | undefined {
  if (type !== RTM_NEWROUTE) return undefined;
  const family = u8(body, 0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = readAttributes(body, r.ROUTE_HEADER);
  const flags = u32(body, 8);
  const any = family === AF_INET ? '0.0.0.0' : '::';
  return present<Route>({
    family: family === AF_INET ? 4 : 6,
    destination: `${optional(attributes, r.RTA_DST, readIp) ?? any}/${u8(body, 1)}`,
    type: r.ROUTE_TYPES[u8(body, 7)] ?? 'unspecified',
    table: optional(attributes, r.RTA_TABLE, u32) ?? u8(body, 4),
    protocol: u8(body, 5),
    scope: u8(body, 6),
    gateway: optional(attributes, r.RTA_GATEWAY, readIp),
    index: optional(attributes, r.RTA_OIF, u32),
    onlink: (flags & r.RTNH_F_ONLINK) !== 0,
    dead: (flags & (r.RTNH_F_DEAD | r.RTNH_F_LINKDOWN)) !== 0,
    metric: optional(attributes, r.RTA_PRIORITY, u32),
    prefSrc: optional(attributes, r.RTA_PREFSRC, readIp),
    metrics: readMetrics(attributes),
    nextHops: optional(attributes, r.RTA_MULTIPATH, readNextHops),
  });
}

function readMetrics(attributes: Attributes): r.RouteMetrics | undefined {
  const nested = nestedAttributes(attributes, r.RTA_METRICS);
  const metrics = present<r.RouteMetrics>({
    mtu: optional(nested, r.RTAX_MTU, u32),
    advmss: optional(nested, r.RTAX_ADVMSS, u32),
  });
  return Object.keys(metrics).length === 0 ? undefined : metrics;
}

/** `struct rtnexthop`: length, flags, hops (the weight less one), index; then attributes. */
function readNextHops(bytes: Uint8Array): NextHop[] {
  const HEADER = 8;
  const hops: NextHop[] = [];
  let at = 0;
  while (bytes.length - at >= HEADER) {
    const length = Math.max(u16(bytes, at), HEADER);
    const attributes = readAttributes(bytes.subarray(at + HEADER, Math.min(at + length, bytes.length)));
    hops.push(
      present<NextHop>({
        gateway: optional(attributes, r.RTA_GATEWAY, readIp),
        index: u32(bytes, at + 4),
        weight: u8(bytes, at + 3) + 1,
        onlink: (u8(bytes, at + 2) & r.RTNH_F_ONLINK) !== 0,
      }),
    );
    at += (length + 3) & ~3;
  }
  return hops;
}
