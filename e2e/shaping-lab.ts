import { callPlugin, type Json, type PluginAnswer, type Sandbox } from '@flatnet/testing';
import { expect } from 'vitest';

/** Containers of the lab: c1 has two interfaces, srv is on the other side of the host. Addresses by their last part. */
const LINKS = [
  ['c1', 'eth0', 'h1', 1],
  ['c1', 'eth1', 'h2', 2],
  ['srv', 'eth0', 'hs', 8],
] as const;

export interface ShapingCall {
  readonly containerId?: string;
  readonly ifName?: string;
  readonly network?: string;
  readonly plugin?: string;
  readonly netns?: string;
  readonly prevResult?: Json | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly under?: readonly string[];
  readonly config?: Json;
}

/** Makes the containers: 10.9.N.2 and fd09:N::2 behind 10.9.N.1 and fd09:N::1 of the host, which routes. */
export async function buildShapingLab(sandbox: Sandbox): Promise<void> {
  for (const name of new Set(LINKS.map(([container]) => container))) await sandbox.addNetns(name);
  const lines = [
    'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1',
    ...LINKS.flatMap(([container, ifName, host, n]) => [
      `ip link add ${host} type veth peer name ${ifName} netns ${container}`,
      `ip link set ${host} up && ip -n ${container} link set ${ifName} up`,
      `ip address add 10.9.${n}.1/24 dev ${host} && ip address add fd09:${n}::1/64 dev ${host} nodad`,
      `ip -n ${container} address add 10.9.${n}.2/24 dev ${ifName}`,
      `ip -n ${container} address add fd09:${n}::2/64 dev ${ifName} nodad`,
    ]),
    ...(['c1 1', 'srv 8'] as const).flatMap((pair) => {
      const [container, n] = pair.split(' ');
      return [
        `ip -n ${container} route add default via 10.9.${n}.1`,
        `ip -n ${container} -6 route add default via fd09:${n}::1`,
      ];
    }),
  ];
  await sandbox.must('sh', ['-ec', lines.join('\n')]);
}

export async function removeShapingLab(sandbox: Sandbox): Promise<void> {
  for (const name of ['c1', 'srv']) await sandbox.deleteNetns(name);
  for (const [, , host] of LINKS) await sandbox.run('ip', ['link', 'delete', host]);
}

export const resultOf = (ifName = 'eth0', host = 'h1'): Json => ({
  cniVersion: '1.1.0',
  interfaces: [{ name: host }, { name: ifName, sandbox: '/run/netns/c1' }],
  ips: [{ address: '10.9.1.2/24', interface: 1 }],
});

export async function callBandwidth(sandbox: Sandbox, verb: string, call: ShapingCall = {}): Promise<PluginAnswer> {
  const { containerId = 'web', ifName = 'eth0', network = 'net', plugin = 'flatnet-bandwidth', config = {} } = call;
  const prevResult = 'prevResult' in call ? call.prevResult : resultOf(ifName, ifName === 'eth0' ? 'h1' : 'h2');
  return callPlugin(sandbox, {
    ...{ plugin, verb, containerId, ifName, netns: call.netns ?? '/run/netns/c1' },
    ...(call.env === undefined ? {} : { env: call.env }),
    ...(call.under === undefined ? {} : { under: call.under }),
    config: {
      ...{ cniVersion: '1.1.0', name: network, type: plugin },
      ...(prevResult === undefined ? {} : { prevResult }),
      ...config,
    },
  });
}

/** As `callBandwidth`, and demands success. Answers its JSON. */
export async function must(sandbox: Sandbox, verb: string, call: ShapingCall = {}): Promise<Json> {
  const answer = await callBandwidth(sandbox, verb, call);
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer.json ?? {};
}

/** The error object of a refused call. */
export async function refused(
  sandbox: Sandbox,
  verb: string,
  call: ShapingCall = {},
): Promise<{ code: number; msg: string; details?: string }> {
  const answer = await callBandwidth(sandbox, verb, call);
  expect(answer.exitCode, answer.stdout).toBe(1);
  return answer.json as { code: number; msg: string; details?: string };
}

/** All that shaping can change on the host, as text, without numbers that the kernel or other traffic changes. */
export const shapedState = async (sandbox: Sandbox): Promise<string> =>
  sandbox.must('sh', [
    '-c',
    'tc qdisc | sed "s/direct_packets_stat [0-9]*//"; nft list ruleset; ip -o link | sed "s/ifindex [0-9]*//"; find /run -name "*.json"',
  ]);
