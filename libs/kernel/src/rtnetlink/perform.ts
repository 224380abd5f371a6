/** Each change as messages of rtnetlink. */
import { get, request, type Socket } from '@flatnet/netlink';
import { addAddress, deleteAddress } from '@flatnet/netlink/route/address';
import { addVlans, deleteVlans } from '@flatnet/netlink/route/bridge-vlan';
import type { LinkRef } from '@flatnet/netlink/route/link';
import { addProxy, deleteProxy } from '@flatnet/netlink/route/neighbour';
import { newLink } from '@flatnet/netlink/route/new-link';
import { getLink } from '@flatnet/netlink/route/read-link';
import { appendRoute, ROUTE_SCOPES } from '@flatnet/netlink/route/route';
import { addRule } from '@flatnet/netlink/route/rule';
import { addAltName, deleteLink, setLink, setPortOf } from '@flatnet/netlink/route/set-link';
import { O_RDONLY, type Sys } from '@flatnet/sys';
import { broadcastOf } from './broadcast.ts';
import type { Change, LinkChange, RouteSpec, VethSpec } from './change.ts';

/** IFNAMSIZ: a longer name is an alternative one. */
const MAX_NAME = 15;
export const refOf = (name: string): LinkRef => (name.length > MAX_NAME ? { altName: name } : { name });
const indexOf = (socket: Socket, name: string): number => get(socket, getLink(refOf(name))).index;

/** @throws NetlinkError, SysError. */
export function perform(sys: Sys, socket: Socket, change: Change): void {
  switch (change.do) {
    case 'create-veth':
      return createVeth(sys, socket, change);
    case 'create-bridge':
      return request(socket, newLink({ kind: 'bridge', name: change.name, ...given(change, 'mac', 'mtu') }));
    case 'create-vlan': {
      const { name, parent, id } = change;
      return request(socket, newLink({ kind: 'vlan', name, parentIndex: indexOf(socket, parent), vlan: { id } }));
    }
    case 'add-alternative-name':
      return request(socket, addAltName(refOf(change.name), change.alternative));
    case 'set-link':
      return request(socket, setLink(refOf(change.name), settingsOf(socket, change.change)));
    case 'set-port':
      return request(socket, setPortOf(refOf(change.name), change.settings));
    case 'set-bridge':
      return request(socket, setLink(refOf(change.name), { bridge: change.settings }));
    case 'add-proxy':
    case 'delete-proxy': {
      const target = { index: indexOf(socket, change.name), address: change.address };
      return request(socket, change.do === 'add-proxy' ? addProxy(target) : deleteProxy(target));
    }
    case 'add-vlans':
    case 'delete-vlans': {
      const { name, vlans, self } = change;
      const port = { index: indexOf(socket, name), vlans, self };
      return request(socket, change.do === 'add-vlans' ? addVlans(port) : deleteVlans(port));
    }
    case 'delete-link':
      return request(socket, deleteLink(refOf(change.name)));
    case 'add-address': {
      const { name, address, detectDuplicates } = change;
      const broadcast = broadcastOf(address);
      const noDad = address.includes(':') && !detectDuplicates;
      const index = indexOf(socket, name);
      return request(socket, addAddress({ index, address, noDad, ...(broadcast === undefined ? {} : { broadcast }) }));
    }
    case 'delete-address':
      return request(socket, deleteAddress(indexOf(socket, change.name), change.address));
    case 'append-route':
      return request(socket, appendRoute({ ...routeOf(socket, change.route), onlink: change.onlink }));
    case 'add-rule': {
      const { source, table, priority } = change.rule;
      return request(socket, addRule({ from: source, table, priority }));
    }
  }
}

/** The fields of `keys` that are there. */
const given = <T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> =>
  Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Pick<T, K>;

function createVeth(sys: Sys, socket: Socket, spec: VethSpec): void {
  const netns = sys.open(spec.netns, O_RDONLY);
  try {
    const peer = { name: spec.container, mac: spec.containerMac, netns, ...given(spec, 'mtu') };
    request(
      socket,
      newLink({ kind: 'veth', name: spec.host, mac: spec.hostMac, ...given(spec, 'mtu', 'group'), peer }),
    );
  } finally {
    sys.close(netns);
  }
}

function settingsOf(socket: Socket, change: LinkChange) {
  const { master, noLinkLocal } = change;
  return {
    ...given(change, 'mac', 'alias', 'group', 'promiscuous', 'up'),
    ...(master === undefined ? {} : { masterIndex: indexOf(socket, master) }),
    ...(noLinkLocal === undefined ? {} : { addrGenMode: 'none' as const }),
  };
}

function routeOf(socket: Socket, route: RouteSpec) {
  const { dst: destination, dev, priority: metric, scope } = route;
  const name = Object.entries(ROUTE_SCOPES).find(([, value]) => value === scope)?.[0];
  return {
    ...{ destination, index: indexOf(socket, dev), metrics: given(route, 'mtu', 'advmss') },
    ...given(route, 'gateway', 'table'),
    ...(metric === undefined ? {} : { metric }),
    ...(name === undefined ? {} : { scope: name as keyof typeof ROUTE_SCOPES }),
  };
}
