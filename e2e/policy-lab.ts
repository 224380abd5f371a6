/** Networks with policies, containers on them, and a machine outside that knows the way to all. */
import {
  callPlugin,
  type Chain,
  chainOf,
  type Conflist,
  type Json,
  type PluginAnswer,
  type Sandbox,
} from '@flatnet/testing';
import { connectAgent, startAgent } from './agents.ts';
import { ipsOf } from './fixture.ts';

export const PLACES = ['a1', 'a2', 'a3', 'b1', 'b2', 'out', 'host'] as const;
export type Place = (typeof PLACES)[number];
/** Networks of the lab: containers a1… are meant for `a`, but any may be put on any. */
export type NetworkName = 'a' | 'b';
const NUMBER: Readonly<Record<NetworkName, number>> = { a: 1, b: 2 };
export const OUTSIDE = { 4: '192.0.2.9', 6: 'fd99::9' } as const;
/** The host's address on the way out. */
const HOST = { 4: '192.0.2.1', 6: 'fd99::1' } as const;
export const gatewayOf = (network: NetworkName, family: 4 | 6): string =>
  family === 4 ? `10.61.${NUMBER[network]}.1` : `fd61:${NUMBER[network]}::1`;

export interface Wish {
  /** The container's name, where it is not that of the place. */
  readonly name?: string;
  readonly aliases?: readonly string[];
  /** More of CNI_ARGS. */
  readonly args?: string;
  readonly published?: readonly Json[];
  readonly under?: readonly string[];
  readonly ifName?: string;
}

/** What is not dropped is answered in a few milliseconds. */
const WAIT_MS = 500;

/** What a question comes to: an answer, a refusal at once, or nothing. */
export type Verdict = 'yes' | 'refused' | 'silent';

export class PolicyLab {
  readonly #chains = new Map<NetworkName, Chain>();
  readonly #lists = new Map<NetworkName, Conflist>();
  readonly #results = new Map<string, Json>();
  readonly #addresses = new Map<string, Readonly<Record<4 | 6, string>>>();

  private constructor(readonly sandbox: Sandbox) {}

  static async open(sandbox: Sandbox): Promise<PolicyLab> {
    const lines = (...text: string[]): string => `${text.join('\n')}\n`;
    await sandbox.must('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const place of PLACES) if (place !== 'host') await sandbox.addNetns(place);
    const up = ['link add up0 type veth peer name eth0 netns out', 'addr add 192.0.2.1/24 dev up0'];
    await sandbox.must('ip', ['-batch', '-'], {
      input: lines(...up, 'addr add fd99::1/64 dev up0 nodad', 'link set up0 up'),
    });
    await sandbox.must('ip', ['-n', 'out', '-batch', '-'], {
      input: lines(
        ...['link set eth0 up', 'addr add 192.0.2.9/24 dev eth0', 'addr add fd99::9/64 dev eth0 nodad'],
        ...['route add default via 192.0.2.1', 'route add default via fd99::1'],
      ),
    });
    for (const place of PLACES) startAgent(sandbox, place, true);
    return new PolicyLab(sandbox);
  }

  /** The network's file from now on. */
  configure(network: NetworkName, firewall: Json): void {
    const list = this.listOf(network, firewall);
    this.#lists.set(network, list);
    const chain = chainOf(this.sandbox, list);
    // What an attachment has is known to the chain that made it.
    for (const [key, result] of this.#results) {
      const [place, of] = key.split(' ') as [Place, NetworkName];
      if (of === network) chain.keep(this.attachment(place, of), result);
    }
    this.#chains.set(network, chain);
  }

  /** The reference plugin, in place of ours, knows no newer version than 1.0.0. */
  listOf = (network: NetworkName, firewall: Json): Conflist => ({
    cniVersion: firewall['type'] === undefined ? '1.1.0' : '1.0.0',
    name: network,
    plugins: [
      {
        ...{ type: 'flatnet', bridge: `br-${network}`, isDefaultGateway: true, hairpinMode: true },
        ipam: {
          type: 'flatnet-ipam',
          ranges: [[{ subnet: `10.61.${NUMBER[network]}.0/24` }], [{ subnet: `fd61:${NUMBER[network]}::/64` }]],
        },
      },
      { type: 'flatnet-portmap', capabilities: { portMappings: true } },
      { type: 'flatnet-firewall', capabilities: { aliases: true }, ...firewall },
    ],
  });

  chain(network: NetworkName): Chain {
    const chain = this.#chains.get(network);
    if (chain === undefined) throw new Error(`network ${network} is not configured`);
    return chain;
  }

  attachment = (
    place: Place,
    network: NetworkName,
    { name, aliases = [], args = '', published = [], under, ifName = 'eth0' }: Wish = {},
  ) => ({
    ...{ containerId: place, netns: `/run/netns/${place}`, ifName },
    args: `IgnoreUnknown=1;K8S_POD_NAME=${name ?? place};${args}`,
    capabilities: { aliases: { [network]: aliases }, portMappings: published },
    ...(under === undefined ? {} : { under }),
  });

  /** ADD of the whole chain. */
  async add(place: Place, network: NetworkName, wish: Wish = {}): Promise<Json> {
    const result = await this.chain(network).add(this.attachment(place, network, wish));
    const [v4 = '', v6 = ''] = ipsOf(result).map((address) => address.replace(/\/\d+$/, ''));
    this.#results.set(`${place} ${network}`, result);
    this.#addresses.set(place, { 4: v4, 6: v6 });
    return result;
  }
  /** The firewall's ADD alone, behind the result of the whole chain's: what differs changes. */
  async repeat(place: Place, network: NetworkName, wish: Wish = {}, extra: Json = {}): Promise<PluginAnswer> {
    return this.call('ADD', place, network, wish, extra);
  }
  call(verb: string, place: Place, network: NetworkName, wish: Wish = {}, extra: Json = {}): Promise<PluginAnswer> {
    const { capabilities, ...attachment } = this.attachment(place, network, wish);
    const list = this.#lists.get(network)!;
    const config = {
      ...list.plugins[2]!,
      ...{ name: network, cniVersion: list.cniVersion, runtimeConfig: { aliases: capabilities.aliases } },
      prevResult: this.#results.get(`${place} ${network}`),
      ...extra,
    };
    return callPlugin(this.sandbox, { plugin: 'flatnet-firewall', verb, config, ...attachment });
  }
  check = (place: Place, network: NetworkName, wish: Wish = {}): Promise<void> =>
    this.chain(network).check(this.attachment(place, network, wish));
  async del(place: Place, network: NetworkName): Promise<void> {
    await this.chain(network).del(this.attachment(place, network));
    this.#results.delete(`${place} ${network}`);
  }

  addressOf(place: Place, family: 4 | 6): string {
    if (place === 'out') return OUTSIDE[family];
    if (place === 'host') return HOST[family];
    const address = this.#addresses.get(place)?.[family];
    if (address === undefined) throw new Error(`${place} has no address`);
    return address;
  }

  /** Asks at an address: by TCP, or by UDP from a new port. */
  async ask(from: Place, address: string, port = 80, protocol: 'tcp' | 'udp-new' | 'udp' = 'tcp'): Promise<Verdict> {
    const agent = await connectAgent(this.sandbox, from);
    const answer = await agent(`${protocol} ${address} ${port} ${WAIT_MS}`);
    if (answer.includes(' ')) return 'yes';
    return answer === 'ECONNREFUSED' ? 'refused' : 'silent';
  }

  /**
   * What each of `pairs` (`a1>b1`, `out>a1`) comes to by TCP and UDP, IPv4 and IPv6: one word where all are the same. UDP hears of no
   * refusal.
   */
  async matrix(...pairs: readonly `${Place}>${Place}`[]): Promise<Readonly<Record<string, string>>> {
    const ways = [
      ['tcp', 80],
      ['udp-new', 53],
    ] as const;
    const outcome = async (pair: string): Promise<readonly [string, string]> => {
      const [from, to] = pair.split('>') as [Place, Place];
      const answers = await Promise.all(
        ([4, 6] as const).flatMap((family) =>
          ways.map(async ([protocol, port]) => {
            const verdict = await this.ask(from, this.addressOf(to, family), port, protocol);
            return [`${protocol.slice(0, 3)}${family}`, verdict] as const;
          }),
        ),
      );
      const tcp = answers.filter(([way]) => way.startsWith('tcp')).map(([, verdict]) => verdict);
      const udp = answers.filter(([way]) => way.startsWith('udp')).map(([, verdict]) => verdict);
      const isSame = new Set(tcp).size === 1 && new Set(udp).size === 1 && (tcp[0] === 'yes') === (udp[0] === 'yes');
      return [pair, isSame ? tcp[0]! : answers.map((words) => words.join(' ')).join(', ')];
    };
    return Object.fromEntries(await Promise.all(pairs.map(outcome)));
  }
}

const SWITCHES = ['iptables', 'ip6tables', 'arptables'].map((name) => `net.bridge.bridge-nf-call-${name}`);

/** Does `body` on a host where br_netfilter is not loaded: its switches are off and cannot be seen. */
export async function withoutBridgeFilter(sandbox: Sandbox, body: () => Promise<void>): Promise<void> {
  await sandbox.must('sysctl', ['-qw', ...SWITCHES.map((name) => `${name}=0`)]);
  await sandbox.must('mount', ['-t', 'tmpfs', 'none', '/proc/sys/net/bridge']);
  try {
    await body();
  } finally {
    await sandbox.must('umount', ['/proc/sys/net/bridge']);
    await sandbox.must('sysctl', ['-qw', ...SWITCHES.map((name) => `${name}=1`)]);
  }
}
