import { mkdirSync } from 'node:fs';
import { must, PATH, type Sandbox } from '../sandbox.ts';
import type { Sample } from '../sample.ts';
import { nameOf, type Container, type Lens, type Side } from './side.ts';

const addressAt = (index: number): string => `10.88.${Math.floor(index / 250)}.${(index % 250) + 2}`;

/** What Podman hands to netavark for one container: netavark has no IPAM, so the addresses come with it. */
const statusOf = (container: Container, hasNames: boolean, driver: string): object => ({
  container_id: container.id,
  container_name: nameOf(container),
  port_mappings: container.ports.map(({ hostPort, containerPort, protocol }) => ({
    host_ip: '',
    host_port: hostPort,
    container_port: containerPort,
    protocol,
    range: 1,
  })),
  networks: { bench: { static_ips: [addressAt(container.index)], interface_name: 'eth0' } },
  network_info: {
    bench: {
      name: 'bench',
      id: 'be'.repeat(32),
      driver,
      network_interface: 'bench0',
      subnets: [{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }],
      ipv6_enabled: false,
      internal: false,
      dns_enabled: hasNames,
      ipam_options: { driver: 'host-local' },
    },
  },
});

/** Which of netavark's drivers makes the network, and where those that are programs are. */
export interface NetavarkDriver {
  readonly name: 'bridge' | 'flatnet';
  readonly plugins: string;
}

export interface NetavarkOptions {
  /** aardvark-dns, where names are given. */
  readonly aardvark?: string;
  readonly driver?: NetavarkDriver;
}

/** netavark, called as Podman calls it. It always masquerades. */
export class NetavarkSide implements Side {
  readonly executables: readonly string[];

  constructor(
    readonly sandbox: Sandbox,
    readonly file: string,
    readonly name = 'netavark',
    readonly options: NetavarkOptions = {},
  ) {
    this.executables = [file];
    mkdirSync(`/run/bench/${sandbox.name}`, { recursive: true });
  }

  attach(container: Container, lens: Lens = []): Promise<Sample> {
    return this.execute('setup', container, lens);
  }

  detach(container: Container, lens: Lens = []): Promise<Sample> {
    return this.execute('teardown', container, lens);
  }

  addressOf(container: Container): string {
    return addressAt(container.index);
  }

  private execute(verb: string, container: Container, lens: Lens): Promise<Sample> {
    const { aardvark, driver } = this.options;
    const words = [
      ...[...lens, this.file, '--config', `/run/bench/${this.sandbox.name}`],
      ...(aardvark === undefined ? [] : ['--aardvark-binary', aardvark]),
      ...(driver === undefined ? [] : ['--plugin-directory', driver.plugins]),
      ...[verb, container.netns],
    ];
    return must(this.sandbox, {
      file: words[0]!,
      args: words.slice(1),
      env: { PATH },
      input: JSON.stringify(statusOf(container, aardvark !== undefined, driver?.name ?? 'bridge')),
    });
  }
}
