/** The leak check itself: it must fail for each kind of thing that can be left or lost, and for nothing else. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findLeaks, leaksBetween, openSandbox, takeInventory, type Inventory, type Sandbox } from '../src/index.ts';
import { inventoryOf } from '../src/leaks/fact.ts';
import { vlanFacts } from '../src/leaks/network.ts';

let sandbox: Sandbox;
let before: Inventory;
beforeAll(async () => {
  sandbox = await openSandbox();
  const script = `
    ip link add up0 type veth peer name up1
    ip address add 192.0.2.1/24 dev up0; ip link set up0 up; ip link set up1 up
    ip -6 address add 2001:db8::1/64 dev up0 nodad
    ip -6 route add default via 2001:db8::9 dev up0
    ip link add fl-net type bridge; ip link set fl-net up
    ip link add fl89 type veth peer name fl88; ip link set fl89 up; ip link set fl88 up; ip link set fl89 master fl-net
    nft 'add table inet known; add set inet known names { type ipv4_addr; }; add chain inet known calls { type filter hook output priority 0; counter accept; }'
    mkdir -p /run/cni/flatnet/net/b-1-2-3-4/ip /run/flatnet
    echo 1 > /run/flatnet/flatnet.log`;
  await sandbox.must('bash', ['-ec', script]);
  // Duplicate address detection of link-local addresses ends first: its routes come with its end.
  await sandbox.must('bash', ['-c', 'while ip -6 address | grep -q tentative; do sleep 0.05; done']);
  before = await takeInventory(sandbox);
}, 60_000);
afterAll(() => sandbox?.close());

/** [what, how it is planted, how it is taken away again, what the check says] */
const PLANTED: readonly (readonly [string, string, string, RegExp])[] = [
  ['a table', 'nft add table ip6 t', 'nft delete table ip6 t', /left: nft table ip6 t /],
  [
    'a chain',
    "nft 'add chain inet known c { type filter hook input priority 7; }'",
    'nft delete chain inet known c',
    /left: nft chain inet known c /,
  ],
  [
    'a rule',
    'nft add rule inet known calls drop',
    'nft flush chain inet known calls; nft add rule inet known calls counter accept',
    /left: nft rule inet known calls .*drop/,
  ],
  [
    'a second rule of one text',
    'nft add rule inet known calls counter accept',
    'nft flush chain inet known calls; nft add rule inet known calls counter accept',
    /left: nft rule inet known calls .*\(2\)/,
  ],
  [
    'a set',
    "nft 'add set bridge b s { type ether_addr; }' || nft 'add table bridge b; add set bridge b s { type ether_addr; }'",
    'nft delete table bridge b',
    /left: nft set bridge b s /,
  ],
  [
    'an element',
    "nft 'add element inet known names { 192.0.2.7 }'",
    "nft 'delete element inet known names { 192.0.2.7 }'",
    /left: nft element of set inet known names .*192\.0\.2\.7/,
  ],
  ['a link', 'ip link add fl0123 type veth peer name fl4567', 'ip link delete fl0123', /left: link fl0123 veth/],
  ['a port of the bridge', 'ip link set up0 master fl-net', 'ip link set up0 nomaster', /left: link up0 .*fl-net/],
  [
    'an IPv4 address',
    'ip address add 192.0.2.5/24 dev up0',
    'ip address delete 192.0.2.5/24 dev up0',
    /left: address up0 .*192\.0\.2\.5/,
  ],
  [
    'an IPv6 address',
    'ip address add 2001:db8::5/64 dev up0 nodad',
    'ip address delete 2001:db8::5/64 dev up0',
    /left: address up0 .*2001:db8::5/,
  ],
  [
    'a route',
    'ip route add 198.51.100.0/24 via 192.0.2.9',
    'ip route delete 198.51.100.0/24',
    /left: route up0 .*198\.51\.100/,
  ],
  [
    'a route of another table',
    'ip route add unreachable 198.51.100.0/24 table 99',
    'ip route delete unreachable 198.51.100.0/24 table 99',
    /left: route .*unreachable.*198\.51\.100/,
  ],
  [
    'an IPv6 route that is lost',
    'ip -6 route delete default',
    'ip -6 route add default via 2001:db8::9 dev up0',
    /lost: route up0 .*default.*2001:db8::9/,
  ],
  [
    'an IPv4 rule',
    'ip rule add from 192.0.2.3 table 99',
    'ip rule delete from 192.0.2.3 table 99',
    /left: rule IPv4 .*192\.0\.2\.3/,
  ],
  [
    'an IPv6 rule',
    'ip -6 rule add from 2001:db8::3 table 99',
    'ip -6 rule delete from 2001:db8::3 table 99',
    /left: rule IPv6 .*2001:db8::3/,
  ],
  [
    'a permanent neighbour',
    'ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:08 dev up0 nud permanent',
    'ip neigh delete 192.0.2.8 dev up0',
    /left: neighbour up0 .*192\.0\.2\.8/,
  ],
  [
    'a forwarding entry of a port',
    'bridge fdb add 02:00:00:00:00:07 dev fl89 master static',
    'bridge fdb delete 02:00:00:00:00:07 dev fl89 master',
    /left: fdb fl89 .*02:00:00:00:00:07/,
  ],
  [
    'a setting of the host',
    'sysctl -qw net.ipv4.ip_local_port_range="40000 50000"',
    'sysctl -qw net.ipv4.ip_local_port_range="32768 60999"',
    /left: sysctl net\/ipv4\/ip_local_port_range = 40000/,
  ],
  [
    'a setting of a link',
    'sysctl -qw net.ipv6.conf.up0.autoconf=0',
    'sysctl -qw net.ipv6.conf.up0.autoconf=1',
    /left: sysctl net\/ipv6\/conf\/up0\/autoconf = 0/,
  ],
  [
    'a lease',
    'echo > /run/cni/flatnet/net/b-1-2-3-4/ip/4-0a580005',
    'rm /run/cni/flatnet/net/b-1-2-3-4/ip/4-0a580005',
    /left: file .*4-0a580005/,
  ],
  [
    'an empty folder of an attachment',
    'mkdir -p /run/cni/flatnet/net/b-1-2-3-4/at/c1:eth0',
    'rm -r /run/cni/flatnet/net/b-1-2-3-4/at',
    /left: file .*c1:eth0/,
  ],
  ['a folder of flatnet', 'mkdir /run/flatnet/other', 'rmdir /run/flatnet/other', /left: file \/run\/flatnet\/other/],
  [
    "host-local's lease",
    'mkdir -p /var/lib/cni/networks/n; echo > /var/lib/cni/networks/n/10.0.0.5',
    'rm -r /var/lib/cni/networks',
    /left: file .*10\.0\.0\.5/,
  ],
  ['a namespace', 'ip netns add left', 'ip netns delete left', /left: netns left/],
];

it.each(PLANTED)('sees %s', async (_, plant, remove, words) => {
  await sandbox.must('bash', ['-ec', plant]);
  try {
    const leaks = await findLeaks(sandbox, before);
    expect(
      leaks.filter((line) => words.test(line)),
      leaks.join('\n'),
    ).not.toEqual([]);
  } finally {
    await sandbox.must('bash', ['-ec', remove]);
  }
});

it('sees a process that goes on', async () => {
  await sandbox.must('bash', ['-c', 'sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > /run/pid']);
  expect(await findLeaks(sandbox, before)).toEqual([expect.stringMatching(/^left: process \d+ sleep$/)]);
  await sandbox.must('bash', ['-c', 'kill $(cat /run/pid)']);
  await sandbox.idle();
  expect(await findLeaks(sandbox, before)).toEqual([]);
});

it('sees the VLAN of a port, which not every kernel has', () => {
  const state = (vlan: number): Inventory =>
    inventoryOf([
      { kind: 'link', dev: 'up0', text: 'up0' },
      ...vlanFacts([{ ifname: 'up0', vlans: [{ vlan, flags: ['PVID'] }] }]),
    ]);
  expect(leaksBetween(state(1), state(1))).toEqual([]);
  expect(leaksBetween(state(1), state(7))).toEqual([
    expect.stringMatching(/^left: vlan up0 .*"vlan":7/),
    expect.stringMatching(/^lost: vlan up0 .*"vlan":1/),
  ]);
});

it('says nothing of the bridge, of forwarding, of counters, of the log, and of the pool whose leases are gone', async () => {
  const script = `
    ip link add fl-new type bridge; ip address add 10.9.9.1/24 dev fl-new; ip address add fd09::1/64 dev fl-new nodad; ip link set fl-new up
    sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.fl-new.accept_ra=0
    nft list ruleset >/run/before; busybox ping -c1 127.0.0.1 >/dev/null; nft list ruleset >/run/after; ! cmp -s /run/before /run/after
    echo 2 >> /run/flatnet/flatnet.log
    mkdir -p /run/cni/flatnet/other/b-1-2-3-4/at; echo > /run/cni/flatnet/other/b-1-2-3-4/cur.0123`;
  await sandbox.must('bash', ['-ec', script]);
  expect(await findLeaks(sandbox, before)).toEqual([]);
});
