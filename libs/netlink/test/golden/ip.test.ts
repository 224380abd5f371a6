import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/index.ts';
import { addAddress, deleteAddress } from '../../src/route/address.ts';
import { addVlans, deleteVlans } from '../../src/route/bridge-vlan.ts';
import { appendFdb } from '../../src/route/fdb.ts';
import { addProxy, deleteProxy, replaceNeighbour } from '../../src/route/neighbour.ts';
import { newLink } from '../../src/route/new-link.ts';
import { addFilter, deleteFilters } from '../../src/route/filter.ts';
import { addIngress, deleteQdisc, replaceClasses, replaceFairQueue } from '../../src/route/qdisc.ts';
import { lookupRoute } from '../../src/route/read-route.ts';
import { addRoute, appendRoute, deleteRoute, replaceRoute } from '../../src/route/route.ts';
import { addRule, deleteRule } from '../../src/route/rule.ts';
import { addAltName, deleteLink, setLink, setPort } from '../../src/route/set-link.ts';
import { handleOf, INGRESS_HANDLE } from '../../src/route/tc-header.ts';
import { encoded, type Recorded, recorded } from './encode.ts';

const file = new URL('ip.json', import.meta.url);
const records = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Recorded>>;

const INCOMING = { index: 3, parent: INGRESS_HANDLE, classId: handleOf(1, 1) } as const;

/** The same as the recorded commands of iproute2 6.1; links have the indexes that they had there. */
const messages: Readonly<Record<string, Message>> = {
  bridge: newLink({ kind: 'bridge', name: 'br0' }),
  'bridge with settings': newLink({
    kind: 'bridge',
    name: 'br1',
    mtu: 1400,
    bridge: { stp: false, nfCallIptables: false },
  }),
  veth: newLink({
    kind: 'veth',
    name: 'v0',
    mtu: 1400,
    mac: '02:00:00:00:00:02',
    peer: { name: 'v1', mac: '02:00:00:00:00:01' },
  }),
  ifb: newLink({ kind: 'ifb', name: 'ifb7' }),
  vxlan: newLink({ kind: 'vxlan', name: 'vx0', vxlan: { id: 7, remote: '10.0.0.9', port: 4789, learning: false } }),
  up: setLink({ index: 5 }, { up: true }),
  master: setLink({ index: 5 }, { masterIndex: 2 }),
  alias: setLink({ index: 5 }, { alias: 'owner' }),
  rename: setLink({ index: 6 }, { name: 'ifb8' }),
  promisc: setLink({ index: 4 }, { promiscuous: true }),
  'port by bridge': setPort(5, { hairpin: false }),
  altname: addAltName({ index: 5 }, 'a-long-alternative-name'),
  addrgenmode: setLink({ index: 4 }, { addrGenMode: 'none' }),
  address: addAddress({ index: 4, address: '10.1.2.3/24', broadcast: '10.1.2.255' }),
  address6: addAddress({ index: 4, address: 'fd00::2/64', noDad: true }),
  'delete address': deleteAddress(4, '10.1.2.3/24'),
  'v1 up': setLink({ index: 4 }, { up: true }),
  'route link': addRoute({ destination: '10.9.0.0/16', index: 4 }),
  'route gateway': addRoute({
    destination: '0.0.0.0/0',
    gateway: '10.9.0.1',
    index: 4,
    metric: 100,
    metrics: { mtu: 1300, advmss: 1200 },
  }),
  'route table': appendRoute({ destination: '10.8.0.0/16', gateway: '10.9.0.1', table: 1000, protocol: 4 }),
  'route onlink': replaceRoute({ destination: '10.7.0.0/16', gateway: '10.77.0.1', index: 4, onlink: true }),
  route6: addRoute({ destination: 'fd07::/64', gateway: 'fd00::1', index: 4 }),
  'route delete': deleteRoute({ destination: '10.9.0.0/16', index: 4 }),
  'route get': lookupRoute({ destination: '10.9.1.1' }),
  rule: addRule({ from: '10.1.2.3', table: 100, priority: 1000 }),
  rule6: addRule({ from: 'fd00::2', table: 1000 }),
  'rule delete': deleteRule({ from: '10.1.2.3', table: 100, priority: 1000 }),
  neighbour: replaceNeighbour({ index: 4, address: '10.9.0.7', mac: '02:00:00:00:00:09' }),
  proxy: addProxy({ index: 4, address: '10.1.2.9' }),
  'proxy delete': deleteProxy({ index: 4, address: '10.1.2.9' }),
  fdb: appendFdb({ index: 7, mac: '00:00:00:00:00:00', where: 'self', remote: '10.0.0.10' }),
  ingress: addIngress(4),
  clsact: addIngress(5, 'clsact'),
  'delete root': deleteQdisc(4, 'root'),
  'fair queue': replaceFairQueue(
    3,
    { limit: 32, target: 12_000 },
    { handle: handleOf(0xf1a8), parent: handleOf(0xf1a7) },
  ),
  classes: replaceClasses(2, 2, { handle: handleOf(0xf1b7) }),
  'filter redirect': addFilter({ ...INCOMING, preference: 50_001, redirectTo: 4 }),
  'filter by destination': addFilter({
    ...INCOMING,
    preference: 50_000,
    match: { field: 'destination', subnet: '10.1.0.0/16' },
  }),
  'filter by destination6': addFilter({
    ...INCOMING,
    preference: 49_999,
    match: { field: 'destination', subnet: 'fd00:1:2::/48' },
  }),
  'filter delete': deleteFilters(3, INGRESS_HANDLE, 50_001),
  'delete link': deleteLink({ index: 5 }),
  vlan: newLink({ kind: 'vlan', name: 'br0.7', parentIndex: 2, vlan: { id: 7 } }),
  'bridge vlan add': addVlans({ index: 4, vlans: [{ id: 7, pvid: true, untagged: true }] }),
  'bridge vlan add range': addVlans({ index: 4, vlans: [{ id: 10, to: 20 }] }),
  'bridge vlan add self': addVlans({ index: 2, self: true, vlans: [{ id: 7 }] }),
  'bridge vlan delete': deleteVlans({ index: 4, vlans: [{ id: 7 }] }),
};

describe('messages are those that iproute2 sends', () => {
  it.each(Object.keys(messages))('%s', (name) => {
    expect(records[name]).toBeDefined();
    expect(encoded(messages[name] as Message)).toEqual(recorded(records[name] as Recorded));
  });

  it('every recorded command is compared', () => {
    expect(Object.keys(records).sort()).toEqual([...Object.keys(messages), ...NOT_OURS].sort());
  });
});

/** What `ip` says in other words: it means a port by a kind of link that the kernel does not know. */
const NOT_OURS = ['port'];
