/** The socket and what can be asked of it. Messages come from `@flatnet/netlink/route/…`, `/nft/…` and `/conntrack/…`, file by file. */
export { NetlinkError, type Refusal, WireError } from './error.ts';
export type { Message, Query } from './message.ts';
export { type Monitor, monitorNftables, monitorRoute, type Notification } from './monitor.ts';
export { batch, dump, find, get, request } from './request.ts';
export {
  closeSocket,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  openSocket,
  type Socket,
  type SocketOptions,
} from './socket.ts';
