/** Operations of ip(8) by netlink, in the namespace of a socket. */
import { broadcastOf } from './broadcast.ts';
import type { IpOperation, LinkWords, RouteWords } from './words.ts';
import { dump, get, type Message, NetlinkError, request, type Socket } from '@flatnet/netlink';
import { addAddress, listAddresses } from '@flatnet/netlink/route/address';
import type { Link, LinkRef } from '@flatnet/netlink/route/link';
import { newLink } from '@flatnet/netlink/route/new-link';
import { getLink } from '@flatnet/netlink/route/read-link';
import type { Route } from '@flatnet/netlink/route/read-route';
import { appendRoute, ROUTE_SCOPES, TABLE_MAIN } from '@flatnet/netlink/route/route';
import { addAltName, deleteLink, setLink, setPortOf } from '@flatnet/netlink/route/set-link';
import { ENOENT, O_RDONLY, type Sys } from '@flatnet/sys';

/** What an operation prints, as `ip -j` would; undefined for a change. */
export async function perform(sys: Sys, socket: Socket, operation: IpOperation): Promise<object | string | undefined> {
  switch (operation.do) {
    case 'add-veth':
      return addVeth(sys, socket, operation);
    case 'add-bridge':
      return change(
        socket,
        newLink({ kind: 'bridge', ...settings(socket, operation.link), name: operation.link.name }),
      );
    case 'add-altname':
      return change(socket, addAltName(refOf(operation.dev), operation.altname));
    case 'set-link': {
      const { alias, noAddress } = operation.changes;
      const more = {
        ...(alias === undefined ? {} : { alias }),
        ...(noAddress === true ? { addrGenMode: 'none' as const } : {}),
      };
      return change(socket, setLink(refOf(operation.dev), { ...settings(socket, operation.changes), ...more }));
    }
    case 'set-port':
      return change(socket, setPortOf(refOf(operation.dev), operation.port));
    case 'delete-link':
      return change(socket, deleteLink(refOf(operation.dev)));
    case 'add-address': {
      const { address, noDad, dev } = operation;
      const broadcast = broadcastOf(address);
      const index = indexOf(socket, dev);
      return change(
        socket,
        addAddress({ index, address, ...(noDad ? { noDad } : {}), ...(broadcast === undefined ? {} : { broadcast }) }),
      );
    }
    case 'append-route':
      return change(socket, appendRoute(routeOf(socket, operation.route)));
    case 'show-link':
      return describe(socket, get(socket, getLink(refOf(operation.dev))));
    case 'show-addresses': {
      const link = get(socket, getLink(refOf(operation.dev)));
      const addresses = dump(socket, listAddresses({ index: link.index }));
      const listed = addresses.map(({ address, prefixLength }) => ({ local: address, prefixlen: prefixLength }));
      return { ...describe(socket, link), addr_info: listed };
    }
    case 'show-defaults':
      return showDefaults(socket, operation.family);
  }
}

function change(socket: Socket, message: Message): undefined {
  request(socket, message);
  return undefined;
}

/** IFNAMSIZ: a longer name is an alternative one. */
const MAX_NAME = 15;
const refOf = (name: string): LinkRef => (name.length > MAX_NAME ? { altName: name } : { name });
const indexOf = (socket: Socket, name: string): number => get(socket, getLink(refOf(name))).index;

function settings(socket: Socket, { mac, mtu, group, master, up, promiscuous }: LinkWords) {
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(group === undefined ? {} : { group }),
    ...(up === undefined ? {} : { up }),
    ...(promiscuous === undefined ? {} : { promiscuous }),
    ...(master === undefined ? {} : { masterIndex: indexOf(socket, master) }),
  };
}

function addVeth(sys: Sys, socket: Socket, { link, peer }: Extract<IpOperation, { do: 'add-veth' }>): undefined {
  const netns = sys.open(peer.netns, O_RDONLY);
  try {
    const { name } = peer;
    const other = { ...settings(socket, peer), name, netns };
    request(socket, newLink({ kind: 'veth', ...settings(socket, link), name: link.name, peer: other }));
  } finally {
    sys.close(netns);
  }
}

function routeOf(socket: Socket, { destination, dev, gateway, onlink, mtu, advmss, metric, table, scope }: RouteWords) {
  const name = Object.entries(ROUTE_SCOPES).find(([, value]) => value === scope)?.[0] as
    keyof typeof ROUTE_SCOPES | undefined;
  const metrics = { ...(mtu === undefined ? {} : { mtu }), ...(advmss === undefined ? {} : { advmss }) };
  return {
    ...{ destination, index: indexOf(socket, dev) },
    ...(gateway === undefined ? {} : { gateway }),
    ...(onlink === undefined ? {} : { onlink }),
    ...(metric === undefined ? {} : { metric }),
    ...(table === undefined ? {} : { table }),
    ...(name === undefined ? {} : { scope: name }),
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
  };
}

/** IFF_PROMISC of linux/if.h */
const PROMISCUOUS = 0x100;

/** The fields of `ip -j -d link show` that `parseLink` reads. */
function describe(socket: Socket, link: Link): Readonly<Record<string, unknown>> {
  const { port, masterIndex } = link;
  const master = masterIndex === undefined ? undefined : get(socket, getLink({ index: masterIndex })).name;
  const slave = { hairpin: port?.hairpin, isolated: port?.isolated, state: port?.state };
  return {
    ifname: link.name,
    ifindex: link.index,
    flags: [...(link.up ? ['UP'] : []), ...(link.flags & PROMISCUOUS ? ['PROMISC'] : [])],
    mtu: link.mtu,
    master,
    address: link.mac,
    ifalias: link.alias,
    group: link.group === 0 ? 'default' : String(link.group),
    link_index: link.parentIndex,
    altnames: link.altNames,
    linkinfo: { info_kind: link.kind, ...(port === undefined ? {} : { info_slave_data: slave }) },
  };
}

/** Lines as ip(8) prints them, as far as `defaultMetrics` reads them. */
async function showDefaults(socket: Socket, family: 4 | 6): Promise<string> {
  const { listRoutes } = await import('@flatnet/netlink/route/read-route');
  const everything = family === 4 ? '0.0.0.0/0' : '::/0';
  const isDefault = ({ destination, type }: Route): boolean => destination === everything && type === 'unicast';
  const words = ({ index, metric }: Route): string =>
    `default dev ${index}${metric === undefined ? '' : ` metric ${metric}`}${family === 6 ? ' pref medium' : ''}\n`;
  try {
    return dump(socket, listRoutes({ family, table: TABLE_MAIN }))
      .filter(isDefault)
      .map(words)
      .join('');
  } catch (error) {
    // A new namespace has no main table before its first route.
    if (error instanceof NetlinkError && error.errno === ENOENT) return '';
    throw error;
  }
}
