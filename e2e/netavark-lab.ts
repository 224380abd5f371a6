/** Debian 13's netavark on a private host, with flatnet as its driver: called as Podman 5 calls it. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, type Json, type Sandbox } from '@flatnet/testing';
import type { RunResult } from '@flatnet/exec';

export interface Port {
  readonly container_port: number;
  readonly host_port: number;
  readonly host_ip?: string;
  readonly protocol?: string;
  readonly range?: number;
}

/** What a container wants of one network. */
export interface OnNetwork {
  readonly interface_name?: string;
  readonly static_ips?: readonly string[] | null;
  readonly static_mac?: string | null;
  readonly aliases?: readonly string[] | null;
  readonly options?: Json | null;
}

export interface Container {
  readonly name: string;
  readonly networks: Readonly<Record<string, OnNetwork>>;
  readonly ports?: readonly Port[];
  /** Path of the namespace. Default: that of the name. */
  readonly netns?: string;
}

/** 64 hex digits, as Podman's are. */
export const idOf = (name: string): string => Buffer.from(name.padEnd(32, '.')).toString('hex');

export class NetavarkLab {
  readonly networks = new Map<string, Json>();
  readonly plugins: string;
  /** Where Podman would keep networks. */
  readonly folder: string;
  readonly configuration: string;

  private constructor(
    readonly sandbox: Sandbox,
    readonly netavark: string,
  ) {
    this.plugins = join(sandbox.folder, 'netavark');
    this.folder = join(sandbox.folder, 'networks');
    this.configuration = join(sandbox.folder, 'containers.conf');
  }

  static async open(sandbox: Sandbox): Promise<NetavarkLab> {
    const folder = execFileSync(join(import.meta.dirname, 'bin/fetch-netavark'), { encoding: 'utf8' }).trim();
    const lab = new NetavarkLab(sandbox, `${folder}/netavark`);
    await sandbox.must('mkdir', ['-p', lab.plugins, lab.folder, '/run/containers/networks']);
    writeFileSync(
      lab.configuration,
      `[network]\nnetwork_config_dir = "${lab.folder}"\nnetavark_plugin_dirs = ["${lab.plugins}"]\n`,
    );
    await sandbox.must('ln', ['-s', join(BIN, 'flatnet'), join(lab.plugins, 'flatnet')]);
    return lab;
  }

  /** The driver itself, as Podman 5 calls it for create. */
  call(args: readonly string[], input: Json | string, env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
    const text = typeof input === 'string' ? input : JSON.stringify(input);
    return this.sandbox.run('/bin/sh', ['-c', 'cat | "$@"', 'sh', join(this.plugins, 'flatnet'), ...args], {
      input: text,
      env: { PATH: '/usr/bin:/bin', CONTAINERS_CONF: this.configuration, ...env },
    });
  }

  /** `podman network create`, and what Podman keeps of the answer. */
  async create(name: string, wish: Json = {}): Promise<Json> {
    const result = await this.call(['create'], {
      ...{ name, id: idOf(name), driver: 'flatnet', created: '0001-01-01T00:00:00Z' },
      ...{ ipv6_enabled: false, internal: false, dns_enabled: false, ...wish },
    });
    if (result.exitCode !== 0) throw new Error(result.stdout);
    const network = JSON.parse(result.stdout) as Json;
    this.networks.set(name, network);
    writeFileSync(join(this.folder, `${name}.json`), result.stdout);
    return network;
  }

  /** `podman network rm`, which tells no driver. */
  remove(name: string): void {
    this.networks.delete(name);
    rmSync(join(this.folder, `${name}.json`));
  }

  /** `netavark setup` or `teardown`. */
  run(verb: 'setup' | 'teardown', container: Container, under: readonly string[] = []): Promise<RunResult> {
    const { name, networks, ports = [], netns = `/run/netns/${name}` } = container;
    const plain = { aliases: null, static_ips: null, static_mac: null, options: null };
    const entries = Object.entries(networks).map(([network, wish], index) => [
      network,
      { ...plain, interface_name: `eth${index}`, ...wish },
    ]);
    const input = JSON.stringify({
      ...{ container_id: idOf(name), container_name: name },
      networks: Object.fromEntries(entries) as Json,
      network_info: Object.fromEntries(
        Object.keys(networks).map((network) => [network, this.networks.get(network)]),
      ) as Json,
      port_mappings: ports.map((port) => ({ host_ip: '', protocol: 'tcp', range: 1, ...port })),
    });
    const args = ['--config', '/run/containers/networks', '--plugin-directory', this.plugins, verb, netns];
    return this.sandbox.run('/bin/sh', ['-c', 'cat | "$@"', 'sh', ...under, this.netavark, ...args], { input });
  }

  /** setup that succeeds: the answer by network. */
  async setup(container: Container): Promise<Readonly<Record<string, Status>>> {
    const result = await this.run('setup', container);
    if (result.exitCode !== 0) throw new Error(`${result.stdout}${result.stderr}`);
    return JSON.parse(result.stdout) as Readonly<Record<string, Status>>;
  }

  async teardown(container: Container): Promise<void> {
    const result = await this.run('teardown', container);
    if (result.exitCode !== 0) throw new Error(`${result.stdout}${result.stderr}`);
  }
}

/** netavark's answer for a network. */
export interface Status {
  readonly interfaces: Readonly<
    Record<string, { readonly mac_address: string; readonly subnets: readonly { ipnet: string; gateway?: string }[] }>
  >;
  readonly dns_server_ips: readonly string[];
  readonly dns_search_domains: readonly string[];
}

/** The address of an interface of a status, without its prefix length. */
export const addressOf = (status: Status | undefined, ifName = 'eth0', index = 0): string =>
  (status?.interfaces[ifName]?.subnets[index]?.ipnet ?? '').replace(/\/\d+$/, '');
