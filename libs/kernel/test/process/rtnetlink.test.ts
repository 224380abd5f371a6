/** Two hosts side by side: on one `ip` and `bridge` do it, on the other this library. What `ip` then shows of both is the same. */
import { execFileSync, spawnSync } from 'node:child_process';
import { openNodeSys } from '@flatnet/sys/node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  addAddress,
  addAlternativeName,
  addSourceRule,
  appendRoute,
  applySysctls,
  cidrOf,
  createBridge,
  createVeth,
  deleteAddress,
  deleteLink,
  kernelOver,
  setLink,
  setPort,
  type Change,
  type RouteSpec,
} from '../../src/index.ts';
import { openRtnetlink } from '../../src/rtnetlink/open.ts';

const sys = openNodeSys();
let count = 0;
let hosts: { readonly ip: string; readonly ours: string };
let ours: ReturnType<typeof openRtnetlink>;
beforeEach(() => {
  count += 1;
  const [ip, own] = ['a', 'b'].map((side) => `rtnetlink-${process.pid}-${count}${side}`);
  hosts = { ip: ip!, ours: own! };
  for (const host of Object.values(hosts)) {
    execFileSync('ip', ['netns', 'add', host]);
    execFileSync('ip', ['netns', 'add', `${host}-c`]);
  }
  ours = openRtnetlink(() => sys, { home: path(hosts.ours) });
});
afterEach(() => {
  for (const host of Object.values(hosts)) {
    for (const name of [`${host}-c`, host]) spawnSync('ip', ['netns', 'delete', name]);
  }
});

const path = (host: string): string => `/run/netns/${host}`;
/** The container's namespace, on the host that this library works on. */
const container = (): string => path(`${hosts.ours}-c`);

/** Lines of `ip -batch -`; CONTAINER stands for the path of the host's container. */
function byIp(
  lines: readonly string[],
  where: '' | '-c' = '',
): { readonly status: number | null; readonly failed: number | undefined } {
  const input = lines.map((line) => `${line.replace('CONTAINER', path(`${hosts.ip}-c`))}\n`).join('');
  const { status, stderr } = spawnSync('ip', ['-n', `${hosts.ip}${where}`, '-batch', '-'], { input, encoding: 'utf8' });
  const line = /Command failed -:(\d+)/.exec(stderr)?.[1];
  return { status, failed: line === undefined ? undefined : Number(line) - 1 };
}

const volatile = new Set([
  'ifindex',
  'link_index',
  'link_netnsid',
  'gc_timer',
  'stats64',
  'valid_life_time',
  'preferred_life_time',
]);
const changing = /timer$|^(root_id|bridge_id|designated_.*|root_.*|port_id|no|id)$/;
const state = (host: string): unknown => {
  const show = (...words: string[]): unknown =>
    JSON.parse(
      execFileSync('ip', ['-n', host, '-j', '-d', ...words], { encoding: 'utf8' }).trim() || '[]',
      (key, value: unknown) => (volatile.has(key) || changing.test(key) ? undefined : value),
    );
  // Which of two links was up first decides the order of their multicast routes.
  const sorted = (list: unknown): readonly string[] => (list as object[]).map((each) => JSON.stringify(each)).sort();
  const routes = ['-4', '-6'].map((family) => sorted(show(family, 'route', 'show', 'table', 'all')));
  return [show('link'), show('address'), ...routes, show('-4', 'rule'), show('-6', 'rule')];
};
/** Carrier and link-local addresses come a moment later. */
const expectSame = (): Promise<void> =>
  vi.waitFor(
    () => {
      for (const part of ['', '-c']) expect(state(`${hosts.ours}${part}`)).toEqual(state(`${hosts.ip}${part}`));
    },
    { timeout: 8000, interval: 100 },
  );

const pair = (): Change =>
  createVeth({
    ...{ host: 'fl1', hostMac: '02:00:00:00:00:01', container: 'eth0', containerMac: '02:00:00:00:00:02' },
    ...{ netns: container(), mtu: 1400, group: 77 },
  });
const PAIR =
  'link add name fl1 address 02:00:00:00:00:01 mtu 1400 group 77 type veth peer name eth0 address 02:00:00:00:00:02 mtu 1400 netns CONTAINER';
const bridge = createBridge({ name: 'br0', mac: '02:00:00:00:00:09', mtu: 1400 });
const BRIDGE = 'link add name br0 address 02:00:00:00:00:09 mtu 1400 type bridge';
const route = (family: 4 | 6, dst: string, more: Partial<RouteSpec>): RouteSpec => ({
  family,
  dst,
  dev: 'eth0',
  ...more,
});

it('makes what ip makes', async () => {
  const host: readonly (readonly [string, Change])[] = [
    [BRIDGE, bridge],
    [PAIR, pair()],
    [
      'link property add dev fl1 altname flatnet-1234567890abcdef',
      addAlternativeName('fl1', 'flatnet-1234567890abcdef'),
    ],
    [
      'link set dev fl1 alias flatnet:net:c1:eth0 addrgenmode none',
      setLink('fl1', { alias: 'flatnet:net:c1:eth0', noLinkLocal: true }),
    ],
    ['link set dev fl1 master br0', setLink('fl1', { master: 'br0' })],
    ['link set dev fl1 type bridge_slave hairpin on isolated off', setPort('fl1', { hairpin: true, isolated: false })],
    ['link set dev fl1 group default up', setLink('fl1', { group: 0, up: true })],
    ['link set dev br0 promisc on up', setLink('br0', { promiscuous: true, up: true })],
    ['address add 10.1.0.1/16 broadcast + dev br0', addAddress('br0', '10.1.0.1/16')],
    ['address add 10.5.0.1/31 dev br0', addAddress('br0', '10.5.0.1/31')],
    ['address delete 10.5.0.1/31 dev br0', deleteAddress('br0', '10.5.0.1/31')],
  ];
  const inside: readonly (readonly [string, Change])[] = [
    ['link set dev eth0 address 02:00:00:00:00:07', setLink('eth0', { mac: '02:00:00:00:00:07' })],
    ['address add 10.1.0.7/16 broadcast + dev eth0', addAddress('eth0', '10.1.0.7/16')],
    ['address add fd00::7/64 dev eth0 nodad', addAddress('eth0', 'fd00::7/64')],
    ['link set dev eth0 up', setLink('eth0', { up: true })],
    [
      'route append 10.9.0.0/16 via 10.1.0.1 dev eth0 mtu 1300 advmss 1200 metric 7 table 100 scope 0',
      appendRoute(
        route(4, '10.9.0.0/16', { gateway: '10.1.0.1', mtu: 1300, advmss: 1200, priority: 7, table: 100, scope: 0 }),
      ),
    ],
    ['route append 10.8.0.0/16 dev eth0 scope 253', appendRoute(route(4, '10.8.0.0/16', { scope: 253 }))],
    [
      'route append 0.0.0.0/0 via 10.1.0.1 dev eth0 metric 50',
      appendRoute(route(4, '0.0.0.0/0', { gateway: '10.1.0.1', priority: 50 })),
    ],
    [
      'route append 192.0.2.0/24 via 198.51.100.1 dev eth0 onlink',
      appendRoute(route(4, '192.0.2.0/24', { gateway: '198.51.100.1' }), true),
    ],
    [
      'route append ::/0 via fd00::1 dev eth0 metric 50',
      appendRoute(route(6, '::/0', { gateway: 'fd00::1', priority: 50 })),
    ],
    [
      'rule add from 10.1.0.7 lookup 268435457 priority 32000',
      addSourceRule({ source: '10.1.0.7', table: 268435457, priority: 32000 }),
    ],
  ];
  const rule6 = addSourceRule({ source: 'fd00::7', table: 268435457, priority: 32000 });
  expect(byIp(host.map(([line]) => line)).status).toBe(0);
  ours.change(
    'try',
    host.map(([, change]) => change),
  );
  expect(
    byIp(
      inside.map(([line]) => line),
      '-c',
    ).status,
  ).toBe(0);
  execFileSync('ip', [
    '-n',
    `${hosts.ip}-c`,
    '-6',
    'rule',
    'add',
    'from',
    'fd00::7',
    'lookup',
    '268435457',
    'priority',
    '32000',
  ]);
  ours.change('try', [...inside.map(([, change]) => change), rule6], container());
  await expectSame();

  expect(ours.findLink('flatnet-1234567890abcdef')).toMatchObject({
    ...{ name: 'fl1', master: 'br0', group: 0, alias: 'flatnet:net:c1:eth0', mtu: 1400, kind: 'veth' },
    port: { hairpin: true, isolated: false },
  });
  expect(ours.listLinks({ kind: 'bridge' }).map(({ name }) => name)).toEqual(['br0']);
  expect(ours.listLinks({ master: 'br0' }).map(({ name }) => name)).toEqual(['fl1']);
  expect(ours.listAddresses('eth0', container()).map(cidrOf)).toEqual(
    expect.arrayContaining(['10.1.0.7/16', 'fd00::7/64']),
  );
  expect(ours.listRoutes({ family: 4, destination: '0.0.0.0/0' }, container())).toEqual([
    { destination: '0.0.0.0/0', type: 'unicast', gateway: '10.1.0.1', device: 'eth0', metric: 50 },
  ]);
  const destinations = (overlapping: string): readonly string[] =>
    ours.listRoutes({ family: 4, overlapping }, container()).map(({ destination }) => destination);
  expect(destinations('10.1.2.0/24')).toEqual(['0.0.0.0/0', '10.1.0.0/16']);
  expect(destinations('10.0.0.0/8')).toEqual(['0.0.0.0/0', '10.1.0.0/16', '10.8.0.0/16']);
  expect(destinations('11.0.0.0/8')).toEqual(['0.0.0.0/0']);
  expect(ours.listRoutes({ family: 4, table: 100 }, container())).toHaveLength(1);
  expect(ours.findDeviceTo('10.1.9.9')).toBe('br0');
  expect(ours.findDeviceTo('192.0.2.77')).toBeUndefined();
  ours.change('try', [appendRoute({ family: 4, dst: '0.0.0.0/0', gateway: '10.1.0.99', dev: 'br0' })]);
  byIp(['route append default via 10.1.0.99 dev br0']);
  expect(ours.findDeviceTo('192.0.2.77')).toBe('br0');
  expect(ours.findDeviceTo('192.0.2.77', { exceptDefault: true })).toBeUndefined();
  expect(ours.findDeviceTo('10.1.9.9', { exceptDefault: true })).toBe('br0');

  ours.clearTables([268435457], container());
  ours.clearTables([268435457], container());
  for (const family of ['-4', '-6']) {
    execFileSync('ip', ['-n', `${hosts.ip}-c`, family, 'rule', 'flush', 'table', '268435457']);
  }
  byIp(['link delete dev flatnet-1234567890abcdef']);
  ours.change('try', [deleteLink('flatnet-1234567890abcdef')]);
  await expectSame();
  expect(ours.findLink('fl1')).toBeUndefined();
  expect(ours.findLink('a-name-that-is-too-long-for-a-link')).toBeUndefined();
});

it.each<[string, string, readonly string[], () => readonly Change[]]>([
  ['a name that is taken', 'exists', [PAIR, PAIR], () => [pair(), pair()]],
  ['a link that is not there', 'not-found', ['link set dev none up'], () => [setLink('none', { up: true })]],
  [
    'a master that is not there',
    'not-found',
    [PAIR, 'link set dev fl1 master none'],
    () => [pair(), setLink('fl1', { master: 'none' })],
  ],
  [
    'an address that is there',
    'exists',
    [BRIDGE, 'address add 10.1.0.1/16 broadcast + dev br0', 'address add 10.1.0.1/16 broadcast + dev br0'],
    () => [bridge, addAddress('br0', '10.1.0.1/16'), addAddress('br0', '10.1.0.1/16')],
  ],
  [
    'a gateway out of reach',
    'failed',
    [BRIDGE, 'link set dev br0 up', 'route append 10.9.0.0/16 via 198.51.100.1 dev br0'],
    () => [
      ...[bridge, setLink('br0', { up: true })],
      appendRoute({ family: 4, dst: '10.9.0.0/16', gateway: '198.51.100.1', dev: 'br0' }),
    ],
  ],
  [
    'a port that is none',
    'failed',
    [PAIR, 'link set dev fl1 type bridge_slave hairpin on'],
    () => [pair(), setPort('fl1', { hairpin: true })],
  ],
])('is refused what ip is refused, at the same change: %s', async (_, kind, lines, changes) => {
  const refused = byIp(lines);
  expect(refused.status).not.toBe(0);
  const failed = changes().length - 1;
  // Of what it finds wrong by itself ip does not tell the line.
  if (refused.failed !== undefined) expect(refused.failed).toBe(failed);
  expect(() => ours.change('try', changes())).toThrow(expect.objectContaining({ kind, failed }));
  await expectSame();
});

it('says of a namespace that is not there that it is not there, and of one that is none why', () => {
  const missing = expect.objectContaining({ kind: 'not-found' });
  expect(() => ours.findLink('lo', '/run/netns/none')).toThrow(missing);
  const elsewhere = { ...pair(), netns: '/run/netns/none' } as Change;
  expect(() => ours.change('try', [elsewhere])).toThrow(missing);
  expect(() => ours.listLinks({}, '/etc/passwd')).toThrow(/Invalid argument \(setns/);
});

it('makes settings in a namespace, leaves out what the kernel lacks, names what it refuses, and comes home', () => {
  const kernel = kernelOver(() => Promise.reject(new Error('no program is started')));
  const read = (...where: string[]): string =>
    execFileSync('nsenter', [...where, 'cat', '/proc/sys/net/ipv4/conf/lo/arp_notify'], { encoding: 'utf8' }).trim();
  const before = read('--net=/proc/self/ns/net');
  const settings = { 'ipv4/conf/lo/arp_notify': '1', 'ipv4/conf/nothing/arp_notify': '1' };
  expect(applySysctls(kernel, path(hosts.ours), settings)).toEqual([]);
  expect(read(`--net=${path(hosts.ours)}`)).toBe('1');
  expect(read('--net=/proc/self/ns/net')).toBe(before);
  expect(applySysctls(kernel, path(hosts.ours), { 'ipv4/conf/lo/arp_notify': 'no' })).toEqual([
    'net.ipv4.conf.lo.arp_notify=no',
  ]);
  expect(() => applySysctls(kernel, '/run/netns/none', settings)).toThrow(
    expect.objectContaining({ kind: 'not-found' }),
  );
});

it('changes nothing after it was aborted', () => {
  const stopped = openRtnetlink(() => sys, { home: path(hosts.ours), signal: AbortSignal.abort() });
  expect(() => stopped.change('try', [bridge])).toThrow(expect.objectContaining({ kind: 'aborted' }));
  expect(ours.findLink('br0')).toBeUndefined();
});
