/** Two hosts side by side: on one the programs do it, on the other this process. What `ip` then shows of both is the same. */
import { execFileSync, spawnSync } from 'node:child_process';
import type { Run, RunResult } from '@flatnet/exec';
import { openNodeSys } from '@flatnet/sys/node';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ipInProcess } from '../../src/ip/in-process.ts';
import { ipCommand } from '../../src/netns.ts';

const sys = openNodeSys();
let count = 0;
let hosts: { readonly program: string; readonly process: string };
beforeEach(() => {
  count += 1;
  const [program, inside] = ['a', 'b'].map((side) => `ip-in-process-${process.pid}-${count}${side}`);
  hosts = { program: program!, process: inside! };
  for (const host of Object.values(hosts)) {
    execFileSync('ip', ['netns', 'add', host]);
    execFileSync('ip', ['netns', 'add', `${host}-c`]);
  }
});
afterEach(() => {
  for (const host of Object.values(hosts)) {
    for (const name of [`${host}-c`, host]) spawnSync('ip', ['netns', 'delete', name]);
  }
});

const started: string[] = [];
const program: Run = (file, args, options) => {
  started.push(file);
  const { status, stdout, stderr } = spawnSync(file, [...args], { encoding: 'utf8', input: options?.input ?? '' });
  return Promise.resolve<RunResult>({ exitCode: status, stdout, stderr, ending: 'exit' });
};
const inProcess = ipInProcess(program, () => sys);

/** One batch on both hosts. `CONTAINER` in it is the path of the host's container. */
async function both(lines: readonly string[], where: 'host' | 'container' = 'host', json = false) {
  const results: RunResult[] = [];
  for (const [run, host] of [
    [program, hosts.program],
    [inProcess, hosts.process],
  ] as const) {
    const netns = `/run/netns/${host}${where === 'host' ? '' : '-c'}`;
    const [file, args] = ipCommand([...(json ? ['-j'] : []), '-batch', '-'], netns);
    const input = lines.map((line) => `${line.replace('CONTAINER', `/run/netns/${host}-c`)}\n`).join('');
    started.length = 0;
    results.push(await run(file, args, { input }));
  }
  expect(started, 'the second was answered in this process').toEqual([]);
  return { byProgram: results[0]!, byProcess: results[1]! };
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
  return [show('link'), show('address'), show('route'), show('-6', 'route')];
};
/** Carrier and link-local addresses come a moment later. */
const expectSame = (): Promise<void> =>
  vi.waitFor(
    () => {
      for (const part of ['', '-c']) {
        expect(state(`${hosts.process}${part}`)).toEqual(state(`${hosts.program}${part}`));
      }
    },
    { timeout: 8000, interval: 100 },
  );

const PAIR = [
  'link add name fl1 address 02:00:00:00:00:01 mtu 1400 group 77 type veth peer name eth0 address 02:00:00:00:00:02 mtu 1400 netns CONTAINER',
  'link property add dev fl1 altname flatnet-1234567890abcdef',
  'link set dev fl1 alias flatnet:net:c1:eth0 addrgenmode none',
];
const BRIDGE = ['link add name br0 address 02:00:00:00:00:09 mtu 1400 type bridge'];
const JOIN = [
  'link set dev fl1 master br0',
  'link set dev fl1 type bridge_slave hairpin on isolated off',
  'link set dev fl1 group default up',
  'link set dev br0 up',
];
const CONTAINER = [
  'link set dev eth0 address 02:00:00:00:00:07',
  'address add 10.1.0.7/16 broadcast + dev eth0',
  'address add fd00::7/64 dev eth0 nodad',
  'link set dev eth0 up',
  'route append 10.9.0.0/16 via 10.1.0.1 dev eth0 mtu 1300 advmss 1200 metric 7 table 100 scope 0',
  'route append 10.8.0.0/16 dev eth0 scope 253',
  'route append 0.0.0.0/0 via 10.1.0.1 dev eth0 metric 50',
  'route append 192.0.2.0/24 via 198.51.100.1 dev eth0 onlink',
  'route append ::/0 via fd00::1 dev eth0 metric 50',
];

it('makes what the programs make', async () => {
  for (const lines of [BRIDGE, PAIR, JOIN]) {
    expect((await both(lines)).byProcess).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  }
  expect((await both(CONTAINER, 'container')).byProcess).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  await expectSame();
  await both(['link delete dev flatnet-1234567890abcdef']);
  await expectSame();
});

it('shows what the programs show', async () => {
  for (const lines of [BRIDGE, PAIR, JOIN]) await both(lines);
  await both(CONTAINER, 'container');
  for (const [line, where] of [
    ['address show dev br0', 'host'],
    ['address show dev eth0', 'container'],
  ] as const) {
    const { byProgram, byProcess } = await both([line], where, true);
    const facts = ({ stdout }: RunResult): unknown =>
      (JSON.parse(stdout) as Record<string, unknown>[]).flatMap(({ ifname, mtu, address, addr_info }) => ({
        ...{ ifname, mtu, address },
        addresses: (addr_info as { local: string; prefixlen: number }[]).map(({ local, prefixlen }) => [
          local,
          prefixlen,
        ]),
      }));
    expect(facts(byProcess)).toEqual(facts(byProgram));
  }
  const { byProgram, byProcess } = await both(['route show exact 0.0.0.0/0'], 'container');
  const metric = ({ stdout }: RunResult): string | undefined => / metric (\d+)/.exec(stdout)?.[1];
  expect(metric(byProcess)).toBe('50');
  expect(metric(byProgram)).toBe('50');
});

it.each<[string, readonly string[]]>([
  ['a name that is taken', [...PAIR.slice(0, 1), ...PAIR.slice(0, 1)]],
  ['a link that is not there', ['link set dev nothing up']],
  ['a master that is not there', [PAIR[0]!, 'link set dev fl1 master nothing']],
  ['a namespace that is not there', [PAIR[0]!.replace('CONTAINER', '/run/netns/nothing')]],
  [
    'an address that is there',
    [BRIDGE[0]!, 'address add 10.1.0.1/16 broadcast + dev br0', 'address add 10.1.0.1/16 broadcast + dev br0'],
  ],
  ['a gateway out of reach', [BRIDGE[0]!, 'link set dev br0 up', 'route append 10.9.0.0/16 via 198.51.100.1 dev br0']],
  ['a port that is none', [PAIR[0]!, 'link set dev fl1 type bridge_slave hairpin on']],
])('refuses what the programs refuse: %s', async (_, lines) => {
  const { byProgram, byProcess } = await both(lines);
  expect(byProgram.exitCode).not.toBe(0);
  expect(byProcess.exitCode).not.toBe(0);
  const line = ({ stderr }: RunResult): string | undefined => /Command failed -:(\d+)/.exec(stderr)?.[1];
  expect(line(byProcess)).toBeDefined();
  // Of what it finds wrong by itself the program does not tell the line.
  if (line(byProgram) !== undefined) expect(line(byProcess)).toBe(line(byProgram));
  await expectSame();
});

it('leaves to the program what it does not know, whole', async () => {
  started.length = 0;
  const [file, args] = ipCommand(['-batch', '-'], `/run/netns/${hosts.process}`);
  await inProcess(file, args, { input: `${BRIDGE[0]}\nlink set dev br0 type bridge vlan_default_pvid 1\n` });
  await inProcess(...ipCommand(['-j', 'rule', 'show'], `/run/netns/${hosts.process}`));
  expect(started).toEqual(['ip', 'ip']);
});

it('makes settings in a namespace, leaves out what the kernel lacks, and comes home', async () => {
  const netns = `/run/netns/${hosts.process}`;
  const words = ['net/ipv4/conf/lo/arp_notify=1', 'net/ipv4/conf/nothing/arp_notify=1'];
  const result = await inProcess('nsenter', [`--net=${netns}`, '--', 'sysctl', '-e', '-q', '-w', ...words]);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  const read = (...where: string[]): string =>
    execFileSync('nsenter', [...where, 'cat', '/proc/sys/net/ipv4/conf/lo/arp_notify'], { encoding: 'utf8' }).trim();
  expect(read(`--net=${netns}`)).toBe('1');
  expect(read('--net=/proc/self/ns/net')).toBe('0');
  const refused = ['sysctl', '-e', '-q', '-w', 'net/ipv4/conf/lo/arp_notify=no'];
  expect(await inProcess('nsenter', [`--net=${netns}`, '--', ...refused])).toMatchObject({ exitCode: 255 });
});
