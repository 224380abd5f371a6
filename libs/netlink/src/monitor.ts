/**
 * What the kernel tells without being asked: a socket in multicast groups, and its messages as values. A reader polls it, since a call that
 * waits would stop this process.
 */
import { ENOBUFS, type Sys } from '@flatnet/sys';
import { NetlinkError, WireError } from './error.ts';
import type { Received } from './message.ts';
import { type Attributes, i32, optional, readAttributes, required, text, u32, u8 } from './reader.ts';
import {
  closeSocket,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  openSocket,
  receive,
  type Socket,
  type SocketOptions,
} from './socket.ts';

/** One thing that has changed. Fields that a message does not have are absent. */
export type Notification =
  | {
      readonly kind: 'link';
      /** `gone`: the link was deleted, left this namespace, or (with `port`) left its bridge. */
      readonly change: 'present' | 'gone';
      readonly index: number;
      readonly name: string;
      /** IFF_UP, which an administrator sets. */
      readonly up: boolean;
      /** The number of the bridge that it is a port of. */
      readonly master?: number;
      /** The bridge tells this of its port. */
      readonly port: boolean;
    }
  | { readonly kind: 'address'; readonly change: 'present' | 'gone'; readonly index: number }
  /** Of all interfaces; what a single one has is not told here. */
  | { readonly kind: 'forwarding'; readonly family: 4 | 6; readonly on: boolean }
  | {
      readonly kind: 'ruleset';
      readonly change: 'present' | 'gone';
      readonly table: string;
      readonly chain?: string;
    }
  /** The end of a transaction of nf_tables, with the name of the process that made it (`comm`, cut at 15 bytes). */
  | { readonly kind: 'generation'; readonly process: string };

/** Reads what has come since the last time. */
export interface Monitor {
  /** @returns undefined when messages were lost: the reader has to look at everything. @throws NetlinkError, SysError. */
  poll(): readonly Notification[] | undefined;
  close(): void;
}

export interface MonitorOptions extends SocketOptions {
  /** How many bytes of messages wait for the reader before some are lost; 8 MiB when absent. */
  readonly receiveBytes?: number;
}

/** linux/socket.h, linux/netlink.h, asm-generic/socket.h */
const AF_NETLINK = 16;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
/** linux/rtnetlink.h: RTNLGRP_LINK, _IPV4_IFADDR, _IPV6_IFADDR, _IPV4_NETCONF, _IPV6_NETCONF */
const ROUTE_GROUPS = [1, 5, 9, 24, 25];
/** linux/netfilter/nfnetlink.h: NFNLGRP_NFTABLES */
const NFTABLES_GROUPS = [7];
/** A flush of 10,000 elements is told in some megabytes. */
const RECEIVE_BYTES = 8 * 1024 * 1024;

/** Links, addresses and forwarding. @throws SysError. */
export const monitorRoute = (sys: Sys, options: MonitorOptions = {}): Monitor =>
  monitor(openSocket(sys, NETLINK_ROUTE, options), options, ROUTE_GROUPS, readRoute);

/** Changes of nf_tables. @throws SysError. */
export const monitorNftables = (sys: Sys, options: MonitorOptions = {}): Monitor =>
  monitor(openSocket(sys, NETLINK_NETFILTER, options), options, NFTABLES_GROUPS, readNftables);

type Read = (message: Received) => Notification | undefined;

function monitor(socket: Socket, options: MonitorOptions, groups: readonly number[], read: Read): Monitor {
  const { sys } = socket;
  try {
    sys.setsockopt(socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, word(options.receiveBytes ?? RECEIVE_BYTES));
    // A socket without a port of its own is passed over: the kernel takes it for the sender, whose port is 0 too.
    sys.bind(socket.fd, new Uint8Array(new Uint16Array([AF_NETLINK, 0, 0, 0, 0, 0]).buffer));
    for (const group of groups) sys.setsockopt(socket.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, word(group));
  } catch (error) {
    closeSocket(socket);
    throw error;
  }
  return { poll: () => pollSocket(socket, read), close: () => closeSocket(socket) };
}

const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

const WAITING = { name: 'a notification', type: 0, flags: 0, write: () => undefined };

function pollSocket(socket: Socket, read: Read): readonly Notification[] | undefined {
  const found: Notification[] = [];
  let lost = false;
  for (;;) {
    try {
      const messages = receive(socket, WAITING, false);
      if (messages === undefined) return lost ? undefined : found;
      if (!lost) found.push(...messages.flatMap((message) => read(message) ?? []));
    } catch (error) {
      // ENOBUFS tells once that messages are missing; those that are there come after it. A message that cannot be read tells nothing either.
      if (!(error instanceof WireError) && !(error instanceof NetlinkError && error.errno === ENOBUFS)) throw error;
      lost = true;
    }
  }
}

/** linux/rtnetlink.h */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWNETCONF = 80;

function readRoute({ type, body }: Received): Notification | undefined {
  if (type === RTM_NEWLINK || type === RTM_DELLINK) return readLink(type === RTM_NEWLINK ? 'present' : 'gone', body);
  // struct ifaddrmsg of linux/if_addr.h: the number of the link is the second word.
  if (type === RTM_NEWADDR) return { kind: 'address', change: 'present', index: u32(body, 4) };
  if (type === RTM_DELADDR) return { kind: 'address', change: 'gone', index: u32(body, 4) };
  return type === RTM_NEWNETCONF ? readForwarding(body) : undefined;
}

/** linux/if_link.h, linux/if.h, linux/socket.h */
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFF_UP = 1;
const AF_BRIDGE = 7;

/** After a `struct ifinfomsg`, which has 16 bytes: family, type, number, flags. */
function readLink(change: 'present' | 'gone', body: Uint8Array): Notification {
  const attributes = readAttributes(body, 16);
  const master = optional(attributes, IFLA_MASTER, u32);
  return {
    ...{ kind: 'link', change, index: u32(body, 4), name: optional(attributes, IFLA_IFNAME, text) ?? '' },
    up: (u32(body, 8) & IFF_UP) !== 0,
    ...(master === undefined ? {} : { master }),
    port: u8(body) === AF_BRIDGE,
  };
}

/** linux/netconf.h: after a `struct netconfmsg`, which is a byte for the family. */
const NETCONFA_IFINDEX = 1;
const NETCONFA_FORWARDING = 2;
const NETCONFA_IFINDEX_ALL = -1;
const AF_INET = 2;
const AF_INET6 = 10;

function readForwarding(body: Uint8Array): Notification | undefined {
  const family = u8(body);
  const attributes = readAttributes(body, 4);
  const forwarding = optional(attributes, NETCONFA_FORWARDING, i32);
  if (forwarding === undefined || optional(attributes, NETCONFA_IFINDEX, i32) !== NETCONFA_IFINDEX_ALL)
    return undefined;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  return { kind: 'forwarding', family: family === AF_INET ? 4 : 6, on: forwarding !== 0 };
}

/** linux/netfilter/nfnetlink.h, nf_tables.h: the kind of the message, and whether what it names has gone. */
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWGEN = 15;
const NFTA_GEN_PROC_NAME = 3;
/** NEWTABLE 0, DELTABLE 2, NEWCHAIN 3, DELCHAIN 5, NEWRULE 6, DELRULE 8, NEWSET 9, DELSET 11, NEWSETELEM 12, DELSETELEM 14. */
const CHANGES = new Map<number, { readonly change: 'present' | 'gone'; readonly chain?: number }>([
  [0, { change: 'present' }],
  [2, { change: 'gone' }],
  [3, { change: 'present', chain: 3 }],
  [5, { change: 'gone', chain: 3 }],
  [6, { change: 'present', chain: 2 }],
  [8, { change: 'gone', chain: 2 }],
  [9, { change: 'present' }],
  [11, { change: 'gone' }],
  [12, { change: 'present' }],
  [14, { change: 'gone' }],
]);
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE. */
const TABLE = 1;

function readNftables({ type, body }: Received): Notification | undefined {
  if (type >> 8 !== NFNL_SUBSYS_NFTABLES) return undefined;
  const message = type & 0xff;
  if (message === NFT_MSG_NEWGEN) {
    return { kind: 'generation', process: optional(readAttributes(body, 4), NFTA_GEN_PROC_NAME, text) ?? '' };
  }
  const known = CHANGES.get(message);
  if (known === undefined) return undefined;
  const attributes: Attributes = readAttributes(body, 4);
  const chain = known.chain === undefined ? undefined : optional(attributes, known.chain, text);
  const table = required(attributes, TABLE, text);
  return { kind: 'ruleset', change: known.change, table, ...(chain === undefined ? {} : { chain }) };
}
