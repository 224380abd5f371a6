// Ways to break a host, and what flatnetctl doctor says of each: "failed" where an attached container is affected now.
import { join } from 'node:path';
import { BIN } from '@flatnet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { operatorOf, type Operator } from './operator.ts';

const host = useSandbox();
let operator: Operator;

interface Told {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly reason: string;
  readonly repair?: string;
}

const bash = (script: string): Promise<string> => host.sandbox.must('bash', ['-ec', script]);
const doctor = async (): Promise<{ readonly code: number | null; readonly told: readonly Told[] }> => {
  const { exitCode, stdout } = await operator('doctor', '-o', 'json');
  return { code: exitCode, told: JSON.parse(stdout) as Told[] };
};
const troubles = (told: readonly Told[]): readonly string[] =>
  told.filter(({ state }) => state !== 'ok').map(({ check, state }) => `${check} ${state}`);

/** What this sandbox lacks or has whatever is broken. */
let always: readonly string[];

beforeAll(async () => {
  const { sandbox } = host;
  operator = operatorOf(sandbox, join(sandbox.folder, 'net.d'));
  await bash(`ip link add up0 type veth peer name up1; ip address add 192.0.2.1/24 dev up0
    ip link set up0 up; ip link set up1 up; ip route add default via 192.0.2.254`);
  await sandbox.addNetns('c1');
  await operator.must('network', 'create', 'web');
  await operator.must('attach', 'web', '--netns', '/run/netns/c1', '-p', '8080:80');
  always = troubles((await doctor()).told);
}, 60_000);
afterAll(async () => {
  await operator.must('detach', 'web', '--netns', '/run/netns/c1');
  await host.sandbox.deleteNetns('c1');
  await bash('ip link delete up0; ip link delete fl-web');
});

const drop = (policy: string, rules: string): string =>
  `printf 'table inet fw {\\nchain forward {\\ntype filter hook forward priority 0; policy ${policy};\\n${rules}\\n}\\n}\\n' | nft -f -`;
const undrop = 'nft delete table inet fw';
const port = String.raw`$(ip -br link | sed -n 's/^\(fl[0-9a-f]\{12\}\)@.*/\1/p')`;

const rows: readonly (readonly [what: string, harm: string, heal: string, checks: readonly string[]])[] = [
  ['the bridge is down', 'ip link set fl-web down', 'ip link set fl-web up', ['containers failed']],
  [
    'the port is unplugged',
    `ip link set ${port} nomaster`,
    `ip link set ${port} master fl-web; ip link set ${port} type bridge_slave hairpin on`,
    ['containers failed'],
  ],
  [
    "the gateway's address is gone",
    'ip address show dev fl-web | sed -n "s/.*inet \\([^ ]*\\).*/\\1/p" >/run/gateway; ip address flush dev fl-web',
    'ip address add "$(cat /run/gateway)" dev fl-web',
    ['containers failed', 'names of web failed'],
  ],
  [
    'ip_forward is off',
    'sysctl -qw net.ipv4.ip_forward=0',
    'sysctl -qw net.ipv4.ip_forward=1',
    ['net.ipv4.ip_forward failed', 'containers failed'],
  ],
  ['no default route', 'ip route delete default', 'ip route add default via 192.0.2.254', ['default route failed']],
  ['a policy that drops', drop('drop', ''), undrop, ['network web failed', 'containers failed']],
  [
    'a rule that drops',
    drop('accept', 'ip saddr 10.0.0.0/8 drop'),
    undrop,
    ['network web failed', 'containers failed'],
  ],
  [
    'a rule that rejects answers',
    drop('accept', 'oifname "fl-*" ct state established reject'),
    undrop,
    ['network web failed', 'containers failed'],
  ],
  [
    'published ports are closed',
    drop('drop', 'ct state established accept\\niifname fl-web accept'),
    undrop,
    ['firewall and web failed'],
  ],
  ['nobody knows what a rule does', drop('accept', 'numgen random mod 2 0 drop'), undrop, ['firewall and web warning']],
  ['rules are flushed', 'nft flush ruleset', 'true', ['containers failed', 'policies of web failed']],
];

it.each(rows)('%s', async (_, harm, heal, checks) => {
  await bash(harm);
  const { told, code } = await doctor();
  await bash(heal);
  if (harm.includes('flush ruleset')) await operator.must('rules', 'reload');
  expect(
    troubles(told).filter((each) => !always.includes(each)),
    JSON.stringify(told),
  ).toEqual(checks);
  expect(code).toBe(checks.some((each) => each.endsWith('failed')) ? 1 : 0);
  expect(told.every(({ state, repair }) => state === 'ok' || (repair ?? '') !== '')).toBe(true);
});

it('IPv6 forwarding is off, and --fix switches it on', async () => {
  await operator.must('network', 'create', 'six', '--ipv6');
  await operator.must('attach', 'six', '--netns', '/run/netns/c1', '--ifname', 'eth1');
  const known = troubles((await doctor()).told);
  await bash('for key in forwarding force_forwarding; do sysctl -eqw net.ipv6.conf.all.$key=0; done');
  const { told } = await doctor();
  expect(troubles(told).filter((each) => !known.includes(each))).toEqual([
    expect.stringMatching(/^net\.ipv6\.conf\.all\.(force_)?forwarding failed$/),
    'containers failed',
  ]);
  await operator('doctor', '--fix');
  expect(troubles((await doctor()).told)).toEqual(known);
  await operator.must('detach', 'six', '--netns', '/run/netns/c1', '--ifname', 'eth1');
  await operator.must('network', 'rm', 'six');
});

it('a published port that hides a program of the host; and all is well again', async () => {
  const listen = 'import socket; s = socket.create_server(("0.0.0.0", 8080)); print("up", flush=True); input()';
  const env = `NETCONFPATH=${join(host.sandbox.folder, 'net.d')} CNI_PATH=${BIN}`;
  const told = await bash(`coproc python3 -c '${listen}'
    read -r up <&"\${COPROC[0]}"; ${env} ${join(BIN, 'flatnetctl')} doctor || true; echo >&"\${COPROC[1]}"; wait`);
  expect(told).toMatch(/warning published port: 8080\/tcp of \S+ hides python3 of the host/);
  expect(troubles((await doctor()).told)).toEqual(always);
});
