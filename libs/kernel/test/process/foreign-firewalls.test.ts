/** The judge of @flatnet/firewall against the kernel: what it says of a ruleset is what happens to a connection. */
import { parseCidr } from '@flatnet/addressing';
import { judge } from '@flatnet/firewall';
import { openSandbox, type Sandbox } from '@flatnet/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readFirewalls } from '../../src/foreign-firewalls.ts';
import { openNodeSys } from '@flatnet/sys/node';
import { nftIn } from '../../src/testing-netns.ts';
import { openRtnetlink } from '../../src/rtnetlink/open.ts';

let host: Sandbox;
let nft: ReturnType<typeof nftIn>;
const ip = (words: string): Promise<string> => host.must('ip', words.split(' '));

/** A container behind br0, and another host behind up0. */
beforeAll(async () => {
  host = await openSandbox();
  nft = nftIn(host.netns, host.run);
  await host.addNetns('c1');
  await host.addNetns('outside');
  await ip('link add br0 type bridge');
  await ip('link add c1 type veth peer name eth0 netns c1');
  await ip('link add up0 type veth peer name eth0 netns outside');
  await ip('link set c1 master br0');
  for (const name of ['br0', 'c1', 'up0']) await ip(`link set ${name} up`);
  for (const name of ['c1', 'outside']) await ip(`-n ${name} link set eth0 up`);
  await ip('address add 10.60.0.1/24 dev br0');
  await ip('-n c1 address add 10.60.0.2/24 dev eth0');
  await ip('-n c1 route add default via 10.60.0.1');
  await ip('address add 198.51.100.1/24 dev up0');
  await ip('-n outside address add 198.51.100.2/24 dev eth0');
  await ip('-n outside route add 10.60.0.0/24 via 198.51.100.1');
  await ip('route add default via 198.51.100.2');
  await host.must('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
}, 30_000);
afterAll(async () => {
  nft?.close();
  await host.close();
});
afterEach(() => host.must('nft', ['flush', 'ruleset']));

/** A port without a listener: the refusal is an answer of the other host. */
async function connects(): Promise<boolean> {
  const { stderr } = await host.inNetns('c1', 'timeout', ['1', 'bash', '-c', ': <>/dev/tcp/198.51.100.2/9']);
  return stderr.includes('refused');
}

const verdict = async (tablesNames: Readonly<Record<string, string>> = {}) => {
  const kernel = {
    run: host.run,
    nft,
    rtnetlink: openRtnetlink(openNodeSys, { home: host.netns }),
    proc: { exists: () => false, list: () => [], read: (path: string) => tablesNames[path], write: () => undefined },
  };
  return judge({ bridge: 'br0', subnets: [parseCidr('10.60.0.0/24')] }, await readFirewalls(kernel)).outgoing;
};

const chain = (policy: string, rules: string): string => `table inet fw {
  set nets { type ipv4_addr; flags interval; elements = { 10.60.0.0/16, 192.0.2.1 }
  }
  chain ours {
    ip saddr 10.60.0.0/24 accept
  }
  chain forward {
    type filter hook forward priority filter; policy ${policy};
    ${rules}
  }
}`;
const answers = 'ct state established,related accept';

const nftRows = [
  ['accept', ''],
  ['drop', ''],
  ['drop', `${answers}\n ip saddr 10.60.0.0/24 accept`],
  ['drop', 'ip saddr 10.60.0.0/24 accept'],
  ['drop', `${answers}\n ip saddr != @nets accept`],
  ['drop', `${answers}\n ip saddr @nets accept`],
  ['drop', `${answers}\n iifname "br*" oifname != "br*" accept`],
  ['drop', `${answers}\n jump ours`],
  ['drop', `${answers}\n goto ours`],
  ['accept', `${answers}\n goto ours\n drop`],
  ['accept', `${answers}\n reject with icmpx type admin-prohibited`],
  ['accept', `${answers}\n meta l4proto icmp accept\n reject`],
  ['drop', 'ct state vmap { established : accept, related : accept, new : jump ours }'],
  ['drop', 'iifname vmap { "br0" : accept, "up0" : drop }'],
  ['drop', `${answers}\n iifname . ip saddr { "br0" . 10.60.0.0/24 } accept`],
  ['accept', 'tcp flags & (fin|syn|rst|ack) != syn ct state new drop'],
  ['drop', `${answers}\n meta l4proto { tcp, udp } th dport 0-1023 accept`],
] as const;

it.each(nftRows)('nft, policy %s: %s', async (policy, rules) => {
  await host.must('nft', ['-f', '-'], { input: chain(policy, rules) });
  expect((await verdict()).state).toBe((await connects()) ? 'passes' : 'blocked');
});

const iptablesRows = [
  ['-P FORWARD DROP'],
  ['-P FORWARD DROP', '-A FORWARD -i br0 -j ACCEPT', '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'],
  ['-P FORWARD DROP', '-A FORWARD -i br0 -j ACCEPT', '-A FORWARD -m conntrack --ctstate NEW -j ACCEPT'],
  ['-P FORWARD DROP', '-A FORWARD -i br+ -m comment --comment x -j ACCEPT', '-A FORWARD -o br+ -j ACCEPT'],
  ['-A FORWARD -i br0 -m addrtype --dst-type LOCAL -j ACCEPT', '-A FORWARD -j REJECT'],
  ['-P FORWARD DROP', '-A FORWARD -p icmp --icmp-type echo-request -j ACCEPT'],
  [
    '-P FORWARD DROP',
    '-A FORWARD -o br0 -j ACCEPT',
    '-A FORWARD -p tcp -m multiport --dports 9,443 -j ACCEPT',
    '-A FORWARD -p udp -j ACCEPT',
  ],
] as const;

it.each(iptablesRows.map((rules) => [rules]))('iptables: %j', async (rules) => {
  for (const rule of rules) await host.must('iptables', rule.split(' '));
  expect((await verdict()).state).toBe((await connects()) ? 'passes' : 'blocked');
});

it('says unknown of what would pass, where rules of iptables-legacy are there, which nft does not show', async () => {
  expect(await verdict({ '/proc/net/ip_tables_names': 'nat\nfilter\n' })).toMatchObject({
    state: 'unknown',
    reason: 'nft cannot read the filter table of iptables-legacy',
  });
});

it('names the rule that drops, and passes over a table that is switched off', async () => {
  await host.must('nft', ['-f', '-'], { input: 'table ip off { flags dormant; }' });
  await host.must('nft', ['add chain ip off f { type filter hook forward priority 0; policy drop; }']);
  expect(await connects()).toBe(true);
  expect(await verdict()).toEqual({ state: 'passes' });
  await host.must('nft', ['-f', '-'], { input: chain('accept', 'counter drop') });
  expect(await verdict()).toMatchObject({ place: { rule: expect.stringMatching(/^counter .* drop # handle \d+$/) } });
});
