import { existsSync } from 'node:fs';
import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET } from '../peers.ts';
import { median, mediansMs, type Sample } from '../sample.ts';
import { makeNetns, must, Sandbox } from '../sandbox.ts';
import { pluginCommand, type CniNetwork, type CniVerb } from '../sides/cni.ts';
import { container } from '../sides/side.ts';

/** flatnet-firewall alone beside so many policed attachments: milliseconds of one more ADD and its DEL, packets forwarded in a second. */
export interface PoliciesFigures {
  readonly what: string;
  readonly add: number;
  readonly del: number;
  /** Milliseconds of CPU of one ADD and one DEL: a busy machine moves them less. */
  readonly addCpu: number;
  readonly delCpu: number;
  /** Absent where iperf3 is not installed. */
  readonly packets?: number;
}

/** Attached by the plugin; the others are elements of the table, since 20,000 ADDs would take ten minutes. */
const ATTACHED = 4;
const SIZES = [undefined, ATTACHED, 1_000, 20_000] as const;
const POLICIES = [
  {
    ingress: [{ from: [{ container: 'api' }], ports: [{ port: 5432 }] }, { from: [{ entity: 'internet' }] }],
    egress: [{ to: [{ ipBlock: { cidr: '10.98.0.0/16' } }] }, { to: [{ entity: 'dns' }] }],
  },
];
const addressOf = (index: number): string => `10.99.${(index >> 8) & 255}.${index & 255}`;

class PolicedHost {
  readonly sandbox: Sandbox;
  readonly #network: CniNetwork;

  constructor(readonly size: (typeof SIZES)[number]) {
    const name = `policed${size ?? 'none'}`;
    this.sandbox = new Sandbox(name);
    const plugin = { type: 'flatnet-firewall', ...(size === undefined ? {} : { policies: POLICIES }) };
    this.#network = { name, cniVersion: '1.0.0', cniPath: FLATNET.cniPath, plugins: [plugin] };
  }

  /** A bridge, a policed container on it, and a machine behind the host. */
  async prepare(): Promise<void> {
    const { name } = this.sandbox;
    const [inside, outside] = [`${name}-in`, `${name}-out`];
    makeNetns([inside, outside]);
    const ip = (words: string) => this.sandbox.tool('ip', words.split(' '));
    ip('link add br-bench type bridge');
    ip('address add 10.99.0.1/16 dev br-bench');
    ip('link set br-bench up');
    for (const [netns, device, own, gateway] of [
      [inside, 'in0', '10.99.0.2/16', '10.99.0.1'],
      [outside, 'out0', '10.98.0.2/16', '10.98.0.1'],
    ] as const) {
      ip(`link add ${device} type veth peer name eth0 netns ${netns}`);
      ip(`link set ${device} up`);
      this.sandbox.tool('ip', ['-n', netns, 'address', 'add', own, 'dev', 'eth0']);
      this.sandbox.tool('ip', ['-n', netns, 'link', 'set', 'eth0', 'up']);
      this.sandbox.tool('ip', ['-n', netns, 'route', 'add', 'default', 'via', gateway]);
    }
    ip('link set in0 master br-bench');
    ip('address add 10.98.0.1/16 dev out0');
    this.sandbox.tool('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    for (let index = 2; index < 2 + ATTACHED; index++) await this.run('ADD', index);
    if (this.size !== undefined && this.size > ATTACHED) this.#fill(this.size);
  }

  /** Elements as an ADD makes them, which lead to the chains of those that are attached. */
  #fill(size: number): void {
    const lines = ['egress4', 'ingress4'].flatMap((map) => {
      const listed = this.sandbox.tool('nft', ['list', 'map', 'inet', 'flatnet_policy', map]);
      const target = /goto (\w+)/.exec(listed)![1]!;
      return Array.from(
        { length: size - ATTACHED },
        (_, at) => `add element inet flatnet_policy ${map} { "br-bench" . ${addressOf(300 + at)} : goto ${target} }`,
      );
    });
    this.sandbox.tool('nft', ['-f', '-'], `${lines.join('\n')}\n`);
  }

  run(verb: CniVerb, index: number): Promise<Sample> {
    const prevResult = {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'br-bench' }, { name: 'eth0', sandbox: '/run/netns/none' }],
      ips: [{ interface: 1, address: `${addressOf(index)}/16`, gateway: '10.99.0.1' }],
    };
    const of = container(`${this.sandbox.name}-in`, index);
    return must(this.sandbox, pluginCommand(this.#network, this.#network.plugins[0]!, verb, of, prevResult));
  }

  /** 64 bytes each, as fast as one sender can, from the policed container to the machine outside. */
  packets(seconds: number): number {
    const { name } = this.sandbox;
    this.sandbox.tool('ip', ['netns', 'exec', `${name}-out`, 'iperf3', '-s', '-D', '-1']);
    const words = ['iperf3', '-c', '10.98.0.2', '-u', '-b', '0', '-l', '64', '-t', String(seconds), '-J'];
    const { end } = JSON.parse(this.sandbox.tool('ip', ['netns', 'exec', `${name}-in`, ...words])) as {
      end: { sum: { packets: number; lost_packets: number; seconds: number } };
    };
    return (end.sum.packets - end.sum.lost_packets) / end.sum.seconds;
  }
}

export async function policies(rounds: number, budgetMs: number): Promise<readonly PoliciesFigures[]> {
  progress('policies: flatnet-firewall beside none, 4, 1,000 and 20,000 policed attachments');
  const hosts = SIZES.map((size) => new PolicedHost(size));
  for (const host of hosts) await host.prepare();
  const samples = await inTurn(hosts, rounds, budgetMs, async (host) => ({
    add: await host.run('ADD', 200),
    del: await host.run('DEL', 200),
  }));
  const of = (verb: 'add' | 'del') => mediansMs(hosts.map((host) => samples.get(host)!.map((sample) => sample[verb])));
  const [adds, dels] = [of('add'), of('del')];
  const cpuOf = (host: PolicedHost, verb: 'add' | 'del') => median(samples.get(host)!.map((each) => each[verb].cpuMs));
  const flows = existsSync('/usr/bin/iperf3')
    ? await inTurn(hosts, 3, budgetMs, (host) => Promise.resolve(host.packets(2)))
    : undefined;
  for (const { sandbox } of hosts) sandbox.stop();
  return hosts.map((host, at) => {
    const packets = flows?.get(host);
    return {
      what: host.size === undefined ? 'no policies' : `${host.size.toLocaleString('en')} policed`,
      ...{ add: adds[at]!, del: dels[at]!, addCpu: cpuOf(host, 'add'), delCpu: cpuOf(host, 'del') },
      ...(packets === undefined ? {} : { packets: median(packets) }),
    };
  });
}

export const policiesSection = (rows: readonly PoliciesFigures[]): Section => ({
  title: 'Policies',
  about:
    'flatnet-firewall alone, one more attachment on a host with so many policed ones (ingress from a container and the internet, egress to ' +
    'a subnet and dns), and UDP packets of 64 bytes from a policed container through the host in a second.',
  tables: [
    {
      head: ['', 'ADD, ms', 'DEL, ms', 'ADD more', 'ADD, CPU ms', 'DEL, CPU ms', 'packets/s', 'against none'],
      rows: rows.map(({ what, add, del, addCpu, delCpu, packets = NaN }) => {
        const none = rows[0]!;
        return [
          ...[what, figure(add), figure(del), figure(add - none.add), figure(addCpu), figure(delCpu)],
          ...[figure(packets), ratio(packets, none.packets ?? NaN)],
        ];
      }),
    },
  ],
});
