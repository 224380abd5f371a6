/** The kernel as this library sees it: sockets of the host's namespace, opened when they are first used, and one of a container's. */
import {
  closeSocket,
  dump,
  find,
  type Message,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  openSocket,
  type Query,
  request,
  type Socket,
} from '@flatnet/netlink';
import { attempt, commit, type CommitOptions } from '@flatnet/netlink/nft/batch';
import type { NetlinkError } from '@flatnet/netlink';
import type { Netns, Sys } from '@flatnet/sys';
import { openSys } from '@flatnet/sys/open';

/** rtnetlink of one namespace. Throws as `@flatnet/netlink` does. */
export interface Route {
  request(message: Message): void;
  find<T>(query: Query<T>, ...absent: readonly number[]): T | undefined;
  dump<T>(query: Query<T>): readonly T[];
}

/** nf_tables of the host's namespace. */
export interface Nft {
  commit(messages: readonly Message[], options?: CommitOptions): void;
  attempt(messages: readonly Message[]): readonly NetlinkError[];
  find<T>(query: Query<T>, ...absent: readonly number[]): T | undefined;
  dump<T>(query: Query<T>): readonly T[];
}

export interface Wire {
  readonly host: Route;
  readonly nft: Nft;
  /** Does `work` with the links of the namespace at `netns`. @throws SysError: there is none, or it may not be entered. */
  inside<T>(netns: string, work: (route: Route) => T): T;
}

const routeOver = (open: () => Socket): Route => ({
  request: (message) => request(open(), message),
  find: (query, ...absent) => find(open(), query, ...absent),
  dump: (query) => dump(open(), query),
});

/**
 * @param host the namespace of the host's ends; this process's own when absent.
 * @param sys is asked for at the first use. Sockets stay open until the process ends: to close one after a deletion takes time.
 */
export function openWire(sys: () => Sys, host?: Netns): Wire {
  const once = (protocol: number): (() => Socket) => {
    let socket: Socket | undefined;
    return () => (socket ??= openSocket(sys(), protocol, host === undefined ? {} : { netns: host }));
  };
  const nft = once(NETLINK_NETFILTER);
  return {
    host: routeOver(once(NETLINK_ROUTE)),
    nft: {
      commit: (messages, options) => commit(nft(), messages, options),
      attempt: (messages) => attempt(nft(), messages),
      find: (query, ...absent) => find(nft(), query, ...absent),
      dump: (query) => dump(nft(), query),
    },
    inside(netns, work) {
      const socket = openSocket(sys(), NETLINK_ROUTE, { netns });
      try {
        return work(routeOver(() => socket));
      } finally {
        closeSocket(socket);
      }
    },
  };
}

/** The wire of this process's own namespace. */
export const openHostWire = (): Wire => openWire(openSys);
