import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, NETAVARK, REFERENCE } from '../peers.ts';
import { mediansMs } from '../sample.ts';
import { must, PATH, Sandbox, type Sandbox as Host } from '../sandbox.ts';
import { findTool } from '../versions.ts';

/** Wall time of `podman run --rm … true`, milliseconds. */
export interface PodmanRow {
  readonly network: string;
  readonly ms: number;
}

interface Mode {
  readonly network: string;
  readonly backend: 'cni' | 'netavark';
  readonly cniPath: string;
  readonly arguments: readonly string[];
  /** Written as the only network configuration; Podman's own default when absent. */
  readonly conflist?: object;
}

const BUSYBOX = '/bin/busybox';
const PORT = ['-p', '28080:80'];

const modes = (): readonly Mode[] => {
  const cni = { backend: 'cni', cniPath: REFERENCE?.cniPath ?? FLATNET.cniPath } as const;
  const flatnet = {
    cniVersion: '1.0.0',
    name: 'flatnet',
    plugins: [
      { type: 'flatnet', ipam: { type: 'flatnet-ipam', subnet: '10.87.1.0/24', gateway: '10.87.1.1' } },
      { type: 'flatnet-portmap', capabilities: { portMappings: true } },
    ],
  };
  return [
    {
      network: 'flatnet',
      ...cni,
      cniPath: FLATNET.cniPath,
      arguments: ['--network=flatnet', ...PORT],
      conflist: flatnet,
    },
    ...(REFERENCE ? [{ network: 'default CNI network', ...cni, arguments: PORT }] : []),
    ...(NETAVARK ? [{ network: 'netavark', ...cni, backend: 'netavark', arguments: PORT } as const] : []),
    { network: 'none', ...cni, arguments: ['--network=none'] },
  ];
};

/** Podman with a store, networks and configuration of its own, in a sandbox. */
export async function podman(rounds: number, budgetMs: number): Promise<readonly PodmanRow[]> {
  const missing = [findTool('podman'), findTool('runc') ?? findTool('crun')].some((path) => path === undefined);
  if (missing) {
    progress('podman: left out, podman or a runtime is not installed');
    return [];
  }
  progress('podman run --rm … true');
  const hosts = new Map<Mode, Host>();
  for (const [at, mode] of modes().entries()) hosts.set(mode, await prepare(mode, `podman-${at}`));
  const samples = await inTurn([...hosts.keys()], rounds, budgetMs, (mode) =>
    must(hosts.get(mode)!, podmanCommand(hosts.get(mode)!, ['run', '--rm', ...mode.arguments, 'bench', 'true'])),
  );
  hosts.forEach((host) => host.stop());
  const medians = mediansMs([...samples.values()]);
  return [...samples.keys()].map((mode, at) => ({ network: mode.network, ms: medians[at]! }));
}

const stateOf = (host: Host): string => `/run/bench/${host.name}`;

const podmanCommand = (host: Host, words: readonly string[]) => ({
  file: findTool('podman')!,
  args: [
    `--root=${stateOf(host)}/root`,
    `--runroot=${stateOf(host)}/runroot`,
    `--network-config-dir=${stateOf(host)}/net.d`,
    '--storage-driver=vfs',
    '--cgroup-manager=cgroupfs',
    // crun of Debian 12 refuses hybrid cgroups.
    `--runtime=${findTool('runc') ?? findTool('crun')}`,
    ...words,
  ],
  env: { PATH, HOME: '/root', CONTAINERS_CONF: `${stateOf(host)}/containers.conf` },
});

async function prepare(mode: Mode, name: string): Promise<Host> {
  const host = new Sandbox(name, 'nsenter');
  const state = stateOf(host);
  mkdirSync(`${state}/net.d`, { recursive: true });
  mkdirSync(`${state}/image/bin`, { recursive: true });
  copyFileSync(BUSYBOX, `${state}/image/bin/busybox`);
  chmodSync(`${state}/image/bin/busybox`, 0o755);
  symlinkSync('busybox', `${state}/image/bin/true`);
  if (mode.conflist) writeFileSync(`${state}/net.d/10-bench.conflist`, JSON.stringify(mode.conflist));
  writeFileSync(`${state}/containers.conf`, containersConf(mode));
  host.tool('tar', ['-C', `${state}/image`, '-cf', `${state}/image.tar`, '.']);
  await must(host, podmanCommand(host, ['import', `${state}/image.tar`, 'bench']));
  return host;
}

/** Limits: a machine whose hard limit on open files is low refuses Podman's own defaults. */
const containersConf = ({ backend, cniPath }: Mode): string => `
[containers]
default_ulimits = ["nofile=1024:20000", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
events_logger = "none"
[network]
network_backend = "${backend}"
cni_plugin_dirs = ["${cniPath}"]
`;

export const podmanSection = (rows: readonly PodmanRow[]): Section => {
  const none = rows.find(({ network }) => network === 'none')?.ms ?? NaN;
  const flatnet = rows.find(({ network }) => network === 'flatnet')?.ms ?? NaN;
  return {
    title: 'podman run --rm -p … true',
    about: 'Wall time of the whole command with one published port; without any network as the floor.',
    tables: [
      {
        head: ['network', 'ms', 'above the floor, ms', 'flatnet is', 'flatnet is, above the floor'],
        rows: rows.map(({ network, ms }) => [
          network,
          figure(ms),
          figure(ms - none),
          network === 'flatnet' ? '' : ratio(flatnet, ms),
          network === 'flatnet' || network === 'none' ? '' : ratio(flatnet - none, ms - none),
        ]),
      },
    ],
  };
};
