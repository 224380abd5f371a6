import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Attachment, Conflist, Json, Sandbox } from '@flatnet/testing';

const FIXTURE = join(import.meta.dirname, '../fixtures/version-0.1.0');

const read = <T>(name: string): T => JSON.parse(readFileSync(join(FIXTURE, name), 'utf8')) as T;

export interface Published {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
}

export interface OldResult {
  readonly interfaces: readonly { readonly name: string; readonly mac: string }[];
  readonly ips: readonly { readonly address: string; readonly gateway: string }[];
}

interface State {
  readonly folders: readonly string[];
  readonly files: Readonly<Record<string, { readonly text?: string; readonly link?: string }>>;
}

export const networks = read<readonly Conflist[]>('networks.json');
export const results = read<Readonly<Record<string, OldResult & Json>>>('results.json');
const ports =
  read<Readonly<Record<string, readonly { readonly id: string; readonly ports: readonly Published[] }[]>>>(
    'attachments.json',
  );

/** The attachments of a network, as its runtime names them. */
export const attachmentsOf = (network: string): readonly Attachment[] =>
  (ports[network] ?? []).map(({ id, ports: portMappings }) => attachmentOf(id, portMappings));

export const attachmentOf = (id: string, portMappings: readonly Published[]): Attachment => ({
  containerId: id,
  ifName: 'eth0',
  netns: `/run/netns/${id}`,
  args: `IgnoreUnknown=1;K8S_POD_NAME=${id}`,
  capabilities: { portMappings },
});

/** Makes the namespaces, links, rules and files that version 0.1.0 left. One script: a program for each step would take seconds. */
export async function layOut(sandbox: Sandbox): Promise<void> {
  const ids = Object.keys(results);
  const links = Object.entries(results).flatMap(([id, result]) => linkCommands(id, result));
  await runScript(sandbox, [
    ...ids.flatMap((id) => [`ip netns add ${id}`, `ip -n ${id} link set lo up`]),
    ...links,
    `nft -f ${join(FIXTURE, 'ruleset.nft')}`,
    ...settings(['ipv4/ip_forward=1', 'ipv6/conf/all/forwarding=1']),
  ]);
  await runScript(sandbox, fileCommands(await placeholdersIn(sandbox, ids)));
}

const runScript = (sandbox: Sandbox, lines: readonly string[]): Promise<string> =>
  sandbox.must('sh', ['-e'], { input: `${lines.join('\n')}\n` });

const settings = (lines: readonly string[]): string[] =>
  lines.map((line) => `echo ${line.split('=')[1]} > /proc/sys/net/${line.split('=')[0]}`);

const hostEnds = read<Readonly<Record<string, { readonly alias: string; readonly altName: string }>>>('host-ends.json');

function linkCommands(id: string, { interfaces, ips }: OldResult): readonly string[] {
  const [bridge, hostEnd, inside] = interfaces;
  if (bridge === undefined || hostEnd === undefined || inside === undefined) throw new Error(`${id} has no interfaces`);
  const { alias = '', altName = '' } = hostEnds[hostEnd.name] ?? {};
  const inNetns = (lines: readonly string[]): string => `ip netns exec ${id} sh -ec '${lines.join('; ')}'`;
  const hasIpv6 = ips.some(({ address }) => address.includes(':'));
  const nodad = (address: string): string => (address.includes(':') ? 'nodad' : '');
  return [
    `if ! ip link show ${bridge.name} > /dev/null 2>&1; then`,
    `ip link add ${bridge.name} address ${bridge.mac} type bridge`,
    ...settings([`ipv4/conf/${bridge.name}/route_localnet=1`]),
    ...settings(['accept_ra', 'accept_dad', 'autoconf'].map((key) => `ipv6/conf/${bridge.name}/${key}=0`)),
    `ip link set ${bridge.name} up`,
    ...ips.map(
      ({ address, gateway }) =>
        `ip address add ${gateway}/${address.split('/')[1]} dev ${bridge.name} ${nodad(gateway)}`,
    ),
    'fi',
    `ip link add ${hostEnd.name} address ${hostEnd.mac} type veth peer name eth0 address ${inside.mac} netns ${id}`,
    `ip link set ${hostEnd.name} addrgenmode none alias ${alias}`,
    `ip link property add dev ${hostEnd.name} altname ${altName}`,
    `ip link set ${hostEnd.name} master ${bridge.name} up`,
    `bridge link set dev ${hostEnd.name} hairpin on`,
    inNetns([
      ...settings(['ipv4/conf/eth0/arp_notify=1', 'ipv4/conf/eth0/rp_filter=2']),
      ...settings((hasIpv6 ? IPV6_SETTINGS : ['disable_ipv6=1']).map((line) => `ipv6/conf/eth0/${line}`)),
      'ip link set eth0 up',
      ...ips.map(({ address }) => `ip address add ${address} dev eth0 ${nodad(address)}`),
      ...ips.map(({ gateway }) => `ip route add default via ${gateway} dev eth0`),
    ]),
  ];
}

const IPV6_SETTINGS = ['ndisc_notify=1', 'accept_dad=0', 'accept_ra=0', 'autoconf=0', 'keep_addr_on_down=1'];

/** What stands for a placeholder of `state.json` on this host. */
async function placeholdersIn(sandbox: Sandbox, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const paths = ['/proc/self/ns/net', ...ids.map((id) => `/run/netns/${id}`)];
  const boot = (await sandbox.must('cat', ['/proc/sys/kernel/random/boot_id'])).trim();
  const [host = '', ...inside] = (await sandbox.must('stat', ['-Lc', '%d:%i', ...paths])).trim().split('\n');
  return new Map([
    ['{BOOT}', boot],
    ['{HOST}', host.split(':')[1] ?? ''],
    ...ids.map((id, index) => [`{NETNS:${id}}`, inside[index] ?? ''] as const),
  ]);
}

function fileCommands(placeholders: ReadonlyMap<string, string>): readonly string[] {
  const { folders, files } = read<State>('state.json');
  const filled = (text: string): string => text.replaceAll(/\{[\w:]+\}/g, (name) => placeholders.get(name) ?? name);
  const make = (path: string, { text = '', link }: State['files'][string]): string =>
    link === undefined ? `printf %s '${filled(text)}' > '${path}'` : `ln '${filled(link)}' '${path}'`;
  return [
    'umask 077',
    ...folders.map((folder) => `mkdir -p '${filled(folder)}'`),
    ...Object.entries(files).flatMap(([name, file]) => {
      const path = filled(name);
      return [`mkdir -p '${dirname(path)}'`, make(path, file)];
    }),
  ];
}
