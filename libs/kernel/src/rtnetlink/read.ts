/** Questions of several messages. What went away between two of them is left out, as if it had not been there. */
import { dump, find, NetlinkError, request, type Socket } from '@flatnet/netlink';
import type { Link as KernelLink } from '@flatnet/netlink/route/link';
import { getLink } from '@flatnet/netlink/route/read-link';
import { listRoutes, lookupRoute, type NextHop, type Route as KernelRoute } from '@flatnet/netlink/route/read-route';
import { deleteRoute, TABLE_MAIN } from '@flatnet/netlink/route/route';
import { deleteRule, listRules } from '@flatnet/netlink/route/rule';
import { EACCES, EAFNOSUPPORT, EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV, ENOENT, ESRCH } from '@flatnet/sys';
import { refOf } from './perform.ts';
import type { Link, Route, RouteFilter, WayOptions } from './rtnetlink.ts';

/** EINVAL: a name that no link can have. */
export function findLink(socket: Socket, name: string): Link | undefined {
  const link = find(socket, getLink(refOf(name)), ENODEV, EINVAL);
  if (link === undefined) return undefined;
  return withMaster(link, link.masterIndex === undefined ? undefined : nameOf(socket, link.masterIndex));
}

export const withMaster = (link: KernelLink, master: string | undefined): Link =>
  master === undefined ? link : { ...link, master };

const nameOf = (socket: Socket, index: number): string | undefined => find(socket, getLink({ index }), ENODEV)?.name;

export function readRoutes(socket: Socket, { table = TABLE_MAIN, ...filter }: RouteFilter): readonly Route[] {
  const names = new Map<number, string | undefined>();
  const deviceOf = (index: number): string | undefined => {
    if (!names.has(index)) names.set(index, nameOf(socket, index));
    return names.get(index);
  };
  return tableOf(socket, { ...filter, table }).flatMap((route) =>
    waysOf(route).map(({ gateway, index }): Route => {
      const { destination, type, metric } = route;
      const device = index === undefined ? undefined : deviceOf(index);
      return {
        ...{ destination, type },
        ...(gateway === undefined ? {} : { gateway }),
        ...(device === undefined ? {} : { device }),
        ...(metric === undefined ? {} : { metric }),
      };
    }),
  );
}

const waysOf = ({ nextHops, gateway, index }: KernelRoute): readonly Partial<NextHop>[] =>
  nextHops ?? [{ ...(gateway === undefined ? {} : { gateway }), ...(index === undefined ? {} : { index }) }];

/** A new namespace has no main table before its first route, and a kernel without IPv6 none of that family. */
const tableOf = (socket: Socket, filter: RouteFilter): readonly KernelRoute[] =>
  unless([ENOENT, EAFNOSUPPORT], () => dump(socket, listRoutes(filter))) ?? [];

function unless<T>(numbers: readonly number[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof NetlinkError && numbers.includes(error.errno)) return undefined;
    throw error;
  }
}

/** Routes that refuse lead nowhere. */
const UNREACHABLE = [ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, EAFNOSUPPORT] as const;

export function findDeviceTo(socket: Socket, address: string, { exceptDefault }: WayOptions = {}): string | undefined {
  const fibMatch = exceptDefault === true;
  const route = find(socket, lookupRoute({ destination: address, fibMatch }), ...UNREACHABLE);
  if (route?.index === undefined || (fibMatch && /\/0$/.test(route.destination))) return undefined;
  return nameOf(socket, route.index);
}

export function clearTables(socket: Socket, tables: readonly number[]): void {
  for (const family of [4, 6] as const) {
    const rules = unless([EAFNOSUPPORT], () => dump(socket, listRules(family))) ?? [];
    for (const { from, priority, table } of rules.filter((rule) => tables.includes(rule.table))) {
      unless([ENOENT], () =>
        request(socket, deleteRule({ family, table, priority, ...(from === undefined ? {} : { from }) })),
      );
    }
    for (const { destination, table, index, gateway, metric } of tables.flatMap((table) =>
      tableOf(socket, { family, table }),
    )) {
      const way = {
        ...(index === undefined ? {} : { index }),
        ...(gateway === undefined ? {} : { gateway }),
        ...(metric === undefined ? {} : { metric }),
      };
      unless([ESRCH, ENODEV], () => request(socket, deleteRoute({ destination, table, ...way })));
    }
  }
}
