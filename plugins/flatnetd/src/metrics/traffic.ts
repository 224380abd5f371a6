/** Counters of the containers' links: a host end's alias names its attachment. */
import { closeSocket, dump, NETLINK_ROUTE, openSocket } from '@flatnet/netlink';
import { type LinkCounters, listLinkCounters } from '@flatnet/netlink/route/link-counters';
import type { Sys } from '@flatnet/sys';
import type { Traffic } from './metrics.ts';

/** `flatnet:NETWORK:CONTAINER:INTERFACE` (README of the flatnet plugin). */
const ALIAS = /^flatnet:([^:]+):([^:]+):([^:]+)$/;
const UNITS = ['bytes', 'packets', 'dropped'] as const;

/** @throws NetlinkError, SysError. */
export function readTraffic(sys: Sys): readonly Traffic[] {
  const socket = openSocket(sys, NETLINK_ROUTE);
  try {
    return dump(socket, listLinkCounters()).flatMap(trafficOf);
  } finally {
    closeSocket(socket);
  }
}

/** What the host end receives, the container has sent. */
export function trafficOf({ alias = '', received, sent }: LinkCounters): readonly Traffic[] {
  const [, network, containerId, ifName] = ALIAS.exec(alias) ?? [];
  if (network === undefined || containerId === undefined || ifName === undefined) return [];
  return UNITS.flatMap((unit) => [
    { network, containerId, ifName, direction: 'sent' as const, unit, value: received[unit] },
    { network, containerId, ifName, direction: 'received' as const, unit, value: sent[unit] },
  ]);
}
