import { readFileSync } from 'node:fs';
import { findTool } from '@flatnet/exec';
import { findExecutable, statusChain } from '../chain/run-chain.ts';
import { readDirectory, type NetworkFile } from '../conflist/directory.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { configuredBackend, podmanAdvice } from '../install/podman-backend.ts';
import { deadLeases, holdingsOf } from '../ipam/leases.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';

/** What one check found. `repair` is the command or change that mends it. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly reason: string;
  readonly repair?: string;
}

export type Check = (world: World, places: Places) => Promise<readonly Finding[]> | readonly Finding[];

const ok = (check: string, reason: string): Finding => ({ check, state: 'ok', reason });
const bad = (state: 'warning' | 'failed', check: string, reason: string, repair: string): Finding => ({
  ...{ check, state, reason, repair },
});

const root: Check = () =>
  process.geteuid?.() === 0
    ? [ok('root', 'running as root')]
    : [bad('failed', 'root', 'plugins and most checks need root', 'sudo flatnetctl doctor')];

const tools: Check = () =>
  ['ip', 'nft', 'nsenter'].map((tool) => {
    const path = findTool(tool);
    return path === undefined
      ? bad('failed', `tool ${tool}`, 'not installed', `install the package that holds ${tool}`)
      : ok(`tool ${tool}`, path);
  });

const conntrack: Check = () =>
  findTool('conntrack') === undefined
    ? [bad('warning', 'tool conntrack', 'not installed: old UDP flows outlive a published port', 'install conntrack')]
    : [ok('tool conntrack', findTool('conntrack') ?? '')];

/**
 * Asks the kernel with nft's dry run: nothing is changed. The text is an argument, not stdin: nft opens /dev/stdin by name, which a
 * socket (what Node gives a child) cannot be.
 */
const nftFeatures: Check = async ({ run }) => {
  const table = { family: 'inet', table: 'flatnet_doctor' };
  const chain = { ...table, name: 'c', type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' };
  const map = { ...table, name: 'm', type: 'ipv4_addr', map: 'verdict' };
  const nftables = [
    { add: { table: { family: 'inet', name: table.table } } },
    { add: { chain } },
    { add: { rule: { ...table, chain: 'c', expr: [{ masquerade: null }] } } },
    { add: { map } },
  ];
  if (findTool('nft') === undefined) return [];
  const { exitCode, stderr } = await run('nft', ['-c', '-j', JSON.stringify({ nftables })]);
  return exitCode === 0
    ? [ok('nft', 'JSON, nat, masquerade and maps work')]
    : [
        bad(
          'failed',
          'nft',
          stderr.trim().split('\n')[0] ?? '',
          'load nf_tables, nft_nat and nft_masq, or install a newer nft',
        ),
      ];
};

const forwarding: Check = () => {
  const file = '/proc/sys/net/ipv4/ip_forward';
  return readFileSync(file, 'utf8').trim() === '1'
    ? [ok('ip_forward', 'on')]
    : [
        bad(
          'warning',
          'ip_forward',
          'off: the first container with a gateway turns it on',
          'sysctl -w net.ipv4.ip_forward=1',
        ),
      ];
};

const backend: Check = ({ env }) => {
  const advice = podmanAdvice(env);
  if (advice === undefined) return [ok('podman', configuredBackend(env) === 'cni' ? 'uses CNI' : 'not installed')];
  return [
    bad(
      'warning',
      'podman',
      advice.split(';')[0] ?? '',
      'set network_backend = "cni" in /etc/containers/containers.conf',
    ),
  ];
};

const configurations: Check = (_, { netDir }) => {
  const { files, broken } = readDirectory(netDir);
  return [
    ok('networks', `${files.length} in ${netDir}`),
    ...broken.map(({ path, reason }) => bad('failed', 'networks', `${path}: ${reason}`, `correct or remove ${path}`)),
    ...clashes(files),
  ];
};

function clashes(files: readonly NetworkFile[]): readonly Finding[] {
  const all = files.flatMap(({ network }) => subnetsOf(network).map(({ subnet }) => ({ name: network.name, subnet })));
  return all.flatMap((one, index) =>
    all
      .slice(index + 1)
      .filter((other) => other.name !== one.name && other.subnet.overlaps(one.subnet))
      .map((other) =>
        bad(
          ...([
            'warning',
            'subnets',
            `${one.subnet} of ${one.name} overlaps with ${other.subnet} of ${other.name}`,
          ] as const),
          `flatnetctl network rm ${other.name}, and create it with --subnet auto`,
        ),
      ),
  );
}

/** Every flatnet network is asked whether it could take a container now (STATUS). */
const readiness: Check = async (world, { netDir, cniPath }) => {
  const context = { run: world.run, env: world.env, cniPath };
  const findings = readDirectory(netDir).files.map(async ({ network }): Promise<readonly Finding[]> => {
    const check = `network ${network.name}`;
    const missing = network.plugins.filter(({ type }) => !isInstalled(type, cniPath)).map(({ type }) => type);
    if (missing.length > 0) {
      return [bad('failed', check, `not in ${cniPath.join(':')}: ${missing.join(', ')}`, 'flatnetctl install')];
    }
    if (!network.plugins.every(({ type }) => type.startsWith('flatnet')))
      return [ok(check, 'its plugins are installed')];
    const failures = await statusChain(context, network);
    return failures.length === 0
      ? [ok(check, 'ready')]
      : failures.map(({ type, text }) => bad('failed', check, `${type}: ${text}`, 'flatnetctl logs --errors'));
  });
  return (await Promise.all(findings)).flat();
};

function isInstalled(type: string, cniPath: readonly string[]): boolean {
  try {
    return findExecutable(type, cniPath) !== '';
  } catch {
    return false;
  }
}

const leftovers: Check = (_, { netDir }) =>
  readDirectory(netDir).files.flatMap(({ network }) => {
    const dead = deadLeases(holdingsOf(network));
    if (dead.length === 0) return [];
    const reason = `${dead.length} leases of containers whose namespace is gone`;
    return [bad('warning', `leases of ${network.name}`, reason, `flatnetctl ipam gc ${network.name}`)];
  });

export const CHECKS: readonly Check[] = [
  ...[root, tools, conntrack, nftFeatures, forwarding, backend, configurations, readiness, leftovers],
];
