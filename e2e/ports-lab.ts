import { join } from 'node:path';
import type { RunResult } from '@flatnet/exec';
import { BIN, callPlugin, type Json, type PluginAnswer, type PluginCall, type Sandbox } from '@flatnet/testing';
import { expect } from 'vitest';
import { type Agent, connectAgent, startAgent } from './agents.ts';

/** Bridges br9 and br10 of the private host, with what hangs on them: [network, host part of the address]. */
const CONTAINERS: Readonly<Record<string, readonly [9 | 10, number]>> = { c2: [9, 2], c3: [9, 3], x2: [10, 2] };

/** Where a question starts; `host` is the private host itself, `out` a machine beside it. */
export type Place = 'host' | 'out' | 'c2' | 'c3' | 'x2';

export interface PortCall {
  readonly network?: string;
  readonly ifName?: string;
  /** Further keys of the configuration. */
  readonly extra?: Json;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The address in prevResult, where it is not the container's own. */
  readonly address?: string;
}

/**
 * A private host with two bridges (10.9.0.1, fd09::1; 10.10.0.1, fd10::1), containers c2 and c3 on the first and x2 on the second, and a
 * machine outside (192.0.2.9, fd99::9) that knows the way to all of them. In each an agent serves and asks.
 */
export interface Lab {
  cni(verb: string, container: string, portMappings: readonly Json[], call?: PortCall): Promise<PluginAnswer>;
  /** As `cni`, and demands success. */
  ok(verb: string, container: string, portMappings: readonly Json[], call?: PortCall): Promise<void>;
  /** As `cni`, as the last argument of another program: strace. */
  under(program: readonly string[], ...call: Parameters<Lab['cni']>): Promise<RunResult>;
  /** Asks `tcp|udp <address> <port>`: the answers are "<container that answered> <address that it saw>", or error codes. */
  ask(from: Place, ...questions: readonly string[]): Promise<readonly string[]>;
  /** The containers that answer. */
  who(from: Place, ...questions: readonly string[]): Promise<readonly string[]>;
  /** The table of published ports as text; empty when there is none. */
  table(): Promise<string>;
}

export const openLab = async (sandbox: Sandbox): Promise<Lab> => {
  await buildHost(sandbox);
  for (const place of ['host', 'out', ...Object.keys(CONTAINERS)]) startAgent(sandbox, place);
  const agents = new Map<Place, Agent>();
  for (const place of ['host', 'out', 'c2', 'c3', 'x2'] as const) agents.set(place, await connectAgent(sandbox, place));
  const ask: Lab['ask'] = async (from, ...questions) => {
    const answers: string[] = [];
    for (const question of questions) answers.push(await agents.get(from)!(question));
    return answers;
  };
  const cni: Lab['cni'] = (...call) => callPlugin(sandbox, pluginCall(...call));
  return {
    cni,
    ask,
    under: ([file, ...args], ...call) => {
      const { verb, config, containerId, ifName, netns, env, path } = pluginCall(...call);
      const variables = { CNI_COMMAND: verb, CNI_CONTAINERID: containerId, CNI_IFNAME: ifName, CNI_NETNS: netns };
      return sandbox.run(file!, [...args, join(path?.[0] ?? BIN, 'flatnet-portmap')], {
        input: JSON.stringify(config),
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', CNI_PATH: BIN, ...variables, ...env },
      });
    },
    who: async (...args) => (await ask(...args)).map((answer) => answer.split(' ')[0]!),
    ok: async (...call) => {
      const answer = await cni(...call);
      expect(answer, `${call[0]} of ${call[1]}: ${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
    },
    table: async () => (await sandbox.run('nft', ['list', 'table', 'inet', 'flatnet_hostport'])).stdout,
  };
};

const pluginCall = (
  verb: string,
  container: string,
  portMappings: readonly Json[],
  call: PortCall = {},
): PluginCall & { readonly config: Json } => {
  const [net_, host] = CONTAINERS[container]!;
  const netns = `/run/netns/${container}`;
  const ifName = call.ifName ?? 'eth0';
  const addresses =
    call.address === undefined ? [`10.${net_}.0.${host}/24`, `fd${pad(net_)}::${host}/64`] : [call.address];
  const config = {
    cniVersion: '1.1.0',
    name: call.network ?? `net${net_}`,
    type: 'flatnet-portmap',
    runtimeConfig: { portMappings },
    prevResult: {
      cniVersion: '1.1.0',
      interfaces: [{ name: ifName, sandbox: netns }],
      ips: addresses.map((address) => ({ address, interface: 0 })),
    },
    ...call.extra,
  };
  const env = call.env === undefined ? {} : { env: call.env };
  const path = process.env['FLATNET_BIN'] === undefined ? {} : { path: [process.env['FLATNET_BIN']] };
  return { plugin: 'flatnet-portmap', verb, config, containerId: container, ifName, netns, ...env, ...path };
};

const pad = (network: number): string => String(network).padStart(2, '0');

const buildHost = async (sandbox: Sandbox): Promise<void> => {
  const batch = (lines: readonly string[], ...where: string[]): Promise<string> =>
    sandbox.must('ip', [...where, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  await sandbox.must('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  for (const name of ['out', ...Object.keys(CONTAINERS)]) await sandbox.addNetns(name);
  const bridges = [9, 10].flatMap((n) => [
    `link add br${n} type bridge`,
    `addr add 10.${n}.0.1/24 dev br${n}`,
    `addr add fd${pad(n)}::1/64 dev br${n} nodad`,
    `link set br${n} up`,
  ]);
  const ports = Object.entries(CONTAINERS).flatMap(([name, [n]]) => [
    `link add v${name} type veth peer name eth0 netns ${name}`,
    `link set v${name} master br${n} up`,
    `link set v${name} type bridge_slave hairpin on`,
  ]);
  const up = [
    'link add up0 type veth peer name eth0 netns out',
    'addr add 192.0.2.1/24 dev up0',
    'addr add fd99::1/64 dev up0 nodad',
    'link set up0 up',
  ];
  await batch([...bridges, ...ports, ...up]);
  const inside = (address4: string, address6: string, gateway4: string, gateway6: string): readonly string[] => [
    'link set eth0 up',
    `addr add ${address4}/24 dev eth0`,
    `addr add ${address6}/64 dev eth0 nodad`,
    `route add default via ${gateway4}`,
    `route add default via ${gateway6}`,
  ];
  for (const [name, [n, host]] of Object.entries(CONTAINERS)) {
    await batch(inside(`10.${n}.0.${host}`, `fd${pad(n)}::${host}`, `10.${n}.0.1`, `fd${pad(n)}::1`), '-n', name);
  }
  await batch(inside('192.0.2.9', 'fd99::9', '192.0.2.1', 'fd99::1'), '-n', 'out');
};
