import { afterEach, beforeEach, expect, it } from 'vitest';
import { O_RDONLY } from '@flatnet/sys';
import { batch, get, type Message, request } from '../../src/index.ts';
import { addAddress, deleteAddress } from '../../src/route/address.ts';
import { appendFdb } from '../../src/route/fdb.ts';
import { addProxy, deleteProxy, replaceNeighbour } from '../../src/route/neighbour.ts';
import { newLink } from '../../src/route/new-link.ts';
import { addIngress, replaceTokenBucket } from '../../src/route/qdisc.ts';
import { getLink } from '../../src/route/read-link.ts';
import { addRoute, appendRoute, deleteRoute, replaceRoute } from '../../src/route/route.ts';
import { addRule } from '../../src/route/rule.ts';
import { addAltName, setLink, setPort, setPortOf } from '../../src/route/set-link.ts';
import { type Host, openHost, sys } from '../support/host.ts';

/** A host and a container, twice: one is set up by this library, one by iproute2. */
let ours: Host;
let oursInside: Host;
let theirs: Host;
let theirsInside: Host;
beforeEach(() => {
  [ours, oursInside, theirs, theirsInside] = [openHost(), openHost(), openHost(), openHost()];
  // Link-local addresses are there at once, and not a second after one side or the other was read.
  for (const host of [ours, oursInside, theirs, theirsInside]) {
    host.run('sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0');
  }
});
afterEach(() => [ours, oursInside, theirs, theirsInside].forEach((host) => host.close()));

const LISTINGS = [
  ['ip', '-d', '-j', 'link'],
  ['ip', '-d', '-j', 'address'],
  ['ip', '-d', '-j', '-4', 'route', 'show', 'table', 'all'],
  ['ip', '-d', '-j', '-6', 'route', 'show', 'table', 'all'],
  ['ip', '-d', '-j', '-4', 'rule'],
  ['ip', '-d', '-j', '-6', 'rule'],
  ['ip', '-j', 'neigh', 'show', 'nud', 'permanent'],
  ['ip', '-j', 'neigh', 'show', 'proxy'],
  ['bridge', '-j', 'fdb'],
  ['tc', '-j', 'qdisc'],
] as const;

/** Names of the namespaces, and what counts time or depends on when the state is read. */
const IGNORED = new Set([
  'link_netns',
  'link_netnsid',
  'operstate',
  'flags',
  'hello_timer',
  'gc_timer',
  'tcn_timer',
  'used',
  'topology_change_timer',
  'forward_delay_timer',
  'message_age_timer',
  'hold_timer',
  'state',
  'root_id',
  'bridge_id',
  'designated_bridge',
  'designated_root',
  'handle',
]);

const stateOf = (host: Host): string =>
  LISTINGS.map(([file, ...args]) => {
    const list = host.json(file, ...args) as readonly object[];
    const lines = list.map((entry) =>
      JSON.stringify(entry, (key, value: unknown) => (IGNORED.has(key) ? undefined : value)),
    );
    // The kernel lists forwarding entries in the order of a hash.
    return [`${file} ${args.join(' ')}`, ...(file === 'bridge' ? lines.sort() : lines)].join('\n');
  }).join('\n');

const expectDone = (host: Host, ...messages: readonly Message[]): void =>
  expect(batch(host.route, messages)).toEqual([]);

const HOST_MAC = '02:00:00:00:00:02';
const MAC = '02:00:00:00:00:01';
const BRIDGE_MAC = '02:00:00:00:00:10';

function makeLinks(): void {
  const fd = sys.open(oursInside.path, O_RDONLY);
  request(
    ours.route,
    newLink({ kind: 'bridge', name: 'br0', mac: BRIDGE_MAC, mtu: 1400, up: true, bridge: { stp: false } }),
  );
  const bridge = get(ours.route, getLink({ name: 'br0' }));
  request(
    ours.route,
    newLink({
      kind: 'veth',
      name: 'v0',
      mac: HOST_MAC,
      mtu: 1400,
      masterIndex: bridge.index,
      up: true,
      peer: { name: 'eth0', mac: MAC, mtu: 1400, netns: fd },
    }),
  );
  sys.close(fd);
  expectDone(
    ours,
    setLink({ name: 'v0' }, { alias: 'owner: web', addrGenMode: 'none', txQueueLength: 500 }),
    setPortOf({ name: 'v0' }, { hairpin: true, isolated: true }),
    addAltName({ name: 'v0' }, 'an-alternative-name', 'another'),
    addAddress({ index: bridge.index, address: '10.50.0.1/16', broadcast: '10.50.255.255' }),
    addAddress({ index: bridge.index, address: 'fd50::1/64', noDad: true }),
  );

  const run = (...args: readonly string[]) => theirs.run('ip', ...args);
  run('link', 'add', 'br0', 'address', BRIDGE_MAC, 'mtu', '1400', 'type', 'bridge', 'stp_state', '0');
  run('link', 'set', 'br0', 'up');
  const peer = ['peer', 'name', 'eth0', 'address', MAC, 'mtu', '1400', 'netns', theirsInside.name];
  run('link', 'add', 'v0', 'address', HOST_MAC, 'mtu', '1400', 'type', 'veth', ...peer);
  run('link', 'set', 'v0', 'master', 'br0', 'up');
  run('link', 'set', 'v0', 'alias', 'owner: web');
  run('link', 'set', 'v0', 'addrgenmode', 'none', 'txqueuelen', '500');
  run('link', 'set', 'v0', 'type', 'bridge_slave', 'hairpin', 'on', 'isolated', 'on');
  run('link', 'property', 'add', 'dev', 'v0', 'altname', 'an-alternative-name', 'altname', 'another');
  run('address', 'add', '10.50.0.1/16', 'broadcast', '10.50.255.255', 'dev', 'br0');
  run('address', 'add', 'fd50::1/64', 'nodad', 'dev', 'br0');
}

it('an attachment: bridge, veth, port, addresses, routes', () => {
  makeLinks();
  const { index } = get(oursInside.route, getLink({ name: 'eth0' }));
  expectDone(
    oursInside,
    setLink({ index: 1 }, { up: true }),
    addAddress({ index, address: '10.50.0.7/16', broadcast: '10.50.255.255' }),
    addAddress({ index, address: 'fd50::7/64', noDad: true }),
    setLink({ index }, { up: true }),
    addRoute({
      destination: '0.0.0.0/0',
      gateway: '10.50.0.1',
      index,
      metric: 50,
      metrics: { mtu: 1300, advmss: 1200 },
    }),
    addRoute({ destination: '::/0', gateway: 'fd50::1', index }),
    addRoute({ destination: '10.99.0.0/16', index, prefSrc: '10.50.0.7' }),
    addRoute({ destination: '10.77.0.0/16', gateway: '10.60.0.1', index, onlink: true, table: 1000 }),
    addRoute({ destination: '10.78.0.0/16', type: 'unreachable' }),
    addRule({ from: '10.50.0.7', table: 1000, priority: 900 }),
    addRule({ from: 'fd50::7', table: 200, priority: 901 }),
  );
  const run = (...args: readonly string[]) => theirsInside.run('ip', ...args);
  run('link', 'set', 'lo', 'up');
  run('address', 'add', '10.50.0.7/16', 'broadcast', '10.50.255.255', 'dev', 'eth0');
  run('address', 'add', 'fd50::7/64', 'nodad', 'dev', 'eth0');
  run('link', 'set', 'eth0', 'up');
  const metrics = ['metric', '50', 'mtu', '1300', 'advmss', '1200'];
  run('route', 'add', 'default', 'via', '10.50.0.1', 'dev', 'eth0', ...metrics);
  run('route', 'add', '::/0', 'via', 'fd50::1', 'dev', 'eth0');
  run('route', 'add', '10.99.0.0/16', 'dev', 'eth0', 'src', '10.50.0.7');
  run('route', 'add', '10.77.0.0/16', 'via', '10.60.0.1', 'dev', 'eth0', 'onlink', 'table', '1000');
  run('route', 'add', 'unreachable', '10.78.0.0/16');
  run('rule', 'add', 'from', '10.50.0.7', 'table', '1000', 'priority', '900');
  run('-6', 'rule', 'add', 'from', 'fd50::7', 'table', '200', 'priority', '901');
  expect(stateOf(oursInside)).toBe(stateOf(theirsInside));
  expect(stateOf(ours)).toBe(stateOf(theirs));
});

it('changes: appended, replaced and deleted routes, addresses, neighbours, proxies, queues, tunnels', () => {
  makeLinks();
  const { index } = get(ours.route, getLink({ name: 'br0' }));
  const port = get(ours.route, getLink({ name: 'v0' })).index;
  request(ours.route, newLink({ kind: 'ifb', name: 'ifb9', mac: MAC, up: true }));
  request(
    ours.route,
    newLink({
      kind: 'vxlan',
      name: 'vx0',
      mac: MAC,
      up: true,
      vxlan: { id: 7, local: '10.50.0.1', port: 4789, learning: false },
    }),
  );
  const vxlan = get(ours.route, getLink({ name: 'vx0' })).index;
  expectDone(
    ours,
    appendRoute({ destination: '10.8.0.0/16', gateway: '10.50.0.9', table: 1000 }),
    appendRoute({ destination: '10.8.0.0/16', gateway: '10.50.0.10', table: 1000 }),
    addRoute({ destination: '10.9.0.0/16', gateway: '10.50.0.9', metric: 7 }),
    replaceRoute({ destination: '10.9.0.0/16', gateway: '10.50.0.10', metric: 7 }),
    addRoute({ destination: '10.11.0.0/16', index }),
    deleteRoute({ destination: '10.11.0.0/16' }),
    addAddress({ index, address: '10.51.0.1/24' }),
    deleteAddress(index, '10.51.0.1/24'),
    replaceNeighbour({ index, address: '10.50.0.77', mac: MAC }),
    addProxy({ index, address: '10.50.0.78' }),
    addProxy({ index, address: 'fd50::78' }),
    deleteProxy({ index, address: 'fd50::78' }),
    setPort(port, { hairpin: false, learning: false, flood: false }),
    replaceTokenBucket(port, { rate: 1_250_000, burst: 20_480, limit: 65_536 }),
    addIngress(index),
    appendFdb({ index: vxlan, mac: '00:00:00:00:00:00', where: 'self', remote: '10.50.0.99' }),
    setLink({ index }, { promiscuous: true, mtu: 1350 }),
  );
  const ip = (...args: readonly string[]) => theirs.run('ip', ...args);
  ip('link', 'add', 'ifb9', 'address', MAC, 'type', 'ifb');
  ip('link', 'set', 'ifb9', 'up');
  ip(
    'link',
    'add',
    'vx0',
    'address',
    MAC,
    'type',
    'vxlan',
    'id',
    '7',
    'local',
    '10.50.0.1',
    'dstport',
    '4789',
    'nolearning',
  );
  ip('link', 'set', 'vx0', 'up');
  ip('route', 'append', '10.8.0.0/16', 'via', '10.50.0.9', 'table', '1000');
  ip('route', 'append', '10.8.0.0/16', 'via', '10.50.0.10', 'table', '1000');
  ip('route', 'add', '10.9.0.0/16', 'via', '10.50.0.10', 'metric', '7');
  ip('neigh', 'replace', '10.50.0.77', 'lladdr', MAC, 'dev', 'br0');
  ip('neigh', 'add', 'proxy', '10.50.0.78', 'dev', 'br0');
  ip('link', 'set', 'v0', 'type', 'bridge_slave', 'hairpin', 'off', 'learning', 'off', 'flood', 'off');
  theirs.run('tc', 'qdisc', 'replace', 'dev', 'v0', 'root', 'tbf', 'rate', '10mbit', 'burst', '20kb', 'limit', '64kb');
  theirs.run('tc', 'qdisc', 'add', 'dev', 'br0', 'ingress');
  theirs.run('bridge', 'fdb', 'append', '00:00:00:00:00:00', 'dev', 'vx0', 'dst', '10.50.0.99', 'self');
  ip('link', 'set', 'br0', 'promisc', 'on', 'mtu', '1350');
  expect(stateOf(ours)).toBe(stateOf(theirs));
});
