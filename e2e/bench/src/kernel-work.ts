// The kernel work of one ADD or DEL by netlink, with every name and address known beforehand: no plugin can be faster than that.
//
//   kernel-work question                                  one question to rtnetlink: what libc by bun:ffi costs
//   kernel-work attach NETNS VETH ADDRESS [PROTOCOL PORT]…  a veth pair on bench0; with ports also masquerade and published ports
//   kernel-work detach VETH ADDRESS [PROTOCOL PORT]…
import { writeFileSync } from 'node:fs';
import { batch, get, NETLINK_NETFILTER, NETLINK_ROUTE, openSocket, request } from '@flatnet/netlink';
import { commit } from '@flatnet/netlink/nft/batch';
import { createElements, deleteElements } from '@flatnet/netlink/nft/element';
import { be16, byte, concat, ip } from '@flatnet/netlink/nft/value';
import { addAddress } from '@flatnet/netlink/route/address';
import { newLink } from '@flatnet/netlink/route/new-link';
import { getLink } from '@flatnet/netlink/route/read-link';
import { addRoute } from '@flatnet/netlink/route/route';
import { deleteLink, setLink } from '@flatnet/netlink/route/set-link';
import { O_RDONLY, withNetns } from '@flatnet/sys';
import { openBunSys } from '@flatnet/sys/bun';

const sys = openBunSys();
const route = openSocket(sys, NETLINK_ROUTE);
const MASQUERADED = { family: 'inet', table: 'bare', set: 'masqueraded' } as const;
const PORTS = { family: 'inet', table: 'bare', set: 'ports' } as const;
const CONTAINER_PORT = 80;
const SETTINGS = [
  ['ipv4/conf/eth0/arp_notify', '1'],
  ['ipv6/conf/eth0/disable_ipv6', '1'],
] as const;

function attach(path: string, veth: string, address: string): void {
  const netns = sys.open(path, O_RDONLY);
  const { index: masterIndex } = get(route, getLink({ name: 'bench0' }));
  request(route, newLink({ kind: 'veth', name: veth, masterIndex, up: true, peer: { name: 'eth0', netns } }));
  const inside = withNetns(sys, netns, () => {
    for (const [key, value] of SETTINGS) writeFileSync(`/proc/sys/net/${key}`, value);
    return openSocket(sys, NETLINK_ROUTE);
  });
  const { index } = get(inside, getLink({ name: 'eth0' }));
  const failures = batch(inside, [
    setLink({ name: 'lo' }, { up: true }),
    addAddress({ index, address: `${address}/16`, broadcast: '10.88.255.255' }),
    setLink({ index }, { up: true }),
    addRoute({ destination: '0.0.0.0/0', gateway: '10.88.0.1', index }),
  ]);
  if (failures.length > 0) throw failures[0]!;
}

/** One transaction for masquerade and ports, as pairs of protocol number and host port. */
function rules(change: typeof createElements, address: string, ports: readonly string[]): void {
  if (ports.length === 0) return;
  const elements = [];
  for (let at = 0; at < ports.length; at += 2) {
    const key = concat(byte(Number(ports[at])), be16(Number(ports[at + 1])));
    elements.push({ key, data: concat(ip(address), be16(CONTAINER_PORT)) });
  }
  const messages = [...change(MASQUERADED, [{ key: ip(address) }]), ...change(PORTS, elements)];
  commit(openSocket(sys, NETLINK_NETFILTER), messages);
}

const [mode, ...words] = process.argv.slice(2);
if (mode === 'attach') {
  const [netns = '', veth = '', address = '', ...ports] = words;
  attach(netns, veth, address);
  rules(createElements, address, ports);
} else if (mode === 'detach') {
  const [veth = '', address = '', ...ports] = words;
  rules(deleteElements, address, ports);
  request(route, deleteLink({ name: veth }));
} else {
  get(route, getLink({ name: 'lo' }));
}
process.exit(0);
