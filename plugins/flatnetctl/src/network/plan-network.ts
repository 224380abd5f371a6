import { parseCidr, parseIp, parseIpOrCidr, Range, type Cidr } from '@flatnet/addressing';
import { freeSubnet6 } from '@flatnet/addressing/free-subnet';
import { defaultBridge } from '@flatnet/cni';
import { MARKER } from '../conflist/model.ts';
import { readable } from '../conflist/subnets.ts';
import { problem, usage } from '../failure.ts';
import { freeSubnet4 } from './free-subnet.ts';
import type { TakenSubnet } from './taken-subnets.ts';

/** From whom: the containers of other isolated networks, those of the same network, both, or all other networks. */
export const ISOLATIONS = ['networks', 'containers', 'all', 'strict'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** What keeps networks apart, in the words of flatnet-firewall; the bridge alone keeps containers apart. */
export const INGRESS_POLICIES = { networks: 'same-bridge', all: 'isolated', strict: 'strict' } as const;

/** What `network create` was asked for. */
export interface NetworkWish {
  readonly name: string;
  /** CIDR texts, or `auto`. */
  readonly subnets: readonly string[];
  /** By position: the gateway and the range belong to the subnet that contains them. */
  readonly gateways: readonly string[];
  readonly ipRanges: readonly string[];
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly allowOverlap: boolean;
  readonly isolate?: Isolation;
  /** What comes in from outside of the host. Absent: answers and published ports, where the network is masqueraded. */
  readonly external?: 'open' | 'published';
  readonly mtu?: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  /** Containers find each other by name. */
  readonly names: boolean;
}

export interface Surroundings {
  readonly taken: readonly TakenSubnet[];
  readonly now: Date;
  readonly random: () => Uint8Array;
  /** How many free subnets to pass over. */
  readonly skip: number;
}

interface PlannedSubnet {
  readonly subnet: string;
  readonly gateway: string;
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
}

/** The conflist for a wish. @throws OperatorError that names the part that cannot be. */
export function planNetwork(wish: NetworkWish, around: Surroundings): object {
  const ranges = chooseSubnets(wish, around).map((subnet) => [planSubnet(wish, subnet)]);
  refuseStrays(wish, ranges.flat());
  const dns = {
    ...(wish.dns.length === 0 ? {} : { nameservers: wish.dns }),
    ...(wish.dnsSearch.length === 0 ? {} : { search: wish.dnsSearch }),
  };
  return {
    cniVersion: '1.0.0',
    // A runtime that knows 1.1.0 takes the newest; older ones skip the key.
    cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
    name: wish.name,
    [MARKER]: { created: around.now.toISOString() },
    ...(Object.keys(wish.labels).length === 0 ? {} : { args: { podman_labels: wish.labels } }),
    plugins: [
      {
        type: 'flatnet',
        ...(wish.internal ? { internal: true, isGateway: true } : {}),
        ...(wish.mtu === undefined ? {} : { mtu: wish.mtu }),
        ...routing(wish),
        ...(wish.isolate === 'containers' ? { portIsolation: true } : {}),
        // The plugin looks at the host's routes too, at each ADD.
        ...(wish.allowOverlap ? { allowOverlap: true } : {}),
        ...ofFlatnet(wish.options),
        ...(Object.keys(dns).length === 0 ? {} : { dns }),
        ipam: { type: 'flatnet-ipam', ranges },
        capabilities: { ips: true, mac: true },
      },
      ...(wish.internal ? [] : [{ type: 'flatnet-portmap', capabilities: { portMappings: true } }]),
      ...guarding(wish),
      ...limiting(wish.options),
      ...(wish.names ? [{ type: 'flatnet-dns', capabilities: { aliases: true } }] : []),
    ],
  };
}

const ofFlatnet = (options: NetworkWish['options']): object =>
  Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'limitDown' && key !== 'limitUp'));

/** Without it a neighbour on the LAN who adds a route reaches each port of each container. */
function guarding({ isolate, external, internal, options }: NetworkWish): readonly object[] {
  const policy = isolate === undefined || isolate === 'containers' ? undefined : INGRESS_POLICIES[isolate];
  const isMasqueraded = !internal && options['ipMasq'] !== false && options['isGateway'] !== false;
  const lets = external ?? (isMasqueraded ? 'published' : 'open');
  if (policy === undefined && lets === 'open') return [];
  return [
    {
      type: 'flatnet-firewall',
      ...(policy === undefined ? {} : { ingressPolicy: policy }),
      ...(lets === 'open' ? {} : { external: lets }),
      capabilities: { aliases: true },
    },
  ];
}

/** `--opt limit_down=10M`: the plugin is chained where a limit is asked for, and ends what `limit set` has set. */
function limiting({ limitDown, limitUp }: NetworkWish['options']): readonly object[] {
  if (limitDown === undefined && limitUp === undefined) return [];
  const ingressRate = limitDown ? { ingressRate: limitDown } : {};
  const egressRate = limitUp ? { egressRate: limitUp } : {};
  return [{ type: 'flatnet-bandwidth', capabilities: { bandwidth: true }, ...ingressRate, ...egressRate }];
}

/** The plugin turns its defaults off as soon as one of these keys is written, so they are all written then. */
function routing({ options, internal }: NetworkWish): object {
  if (internal || !['isGateway', 'isDefaultGateway', 'ipMasq'].some((key) => key in options)) return {};
  return { isGateway: true, isDefaultGateway: true, ipMasq: true, hairpinMode: options['promiscMode'] !== true };
}

/** A bridge of that name may be left from before, with the route to the subnet that is asked for. */
const bridgeOf = ({ name, options }: NetworkWish): string =>
  typeof options['bridge'] === 'string' && options['bridge'] !== '' ? options['bridge'] : defaultBridge(name);

function chooseSubnets(wish: NetworkWish, around: Surroundings): readonly Cidr[] {
  const { random, skip } = around;
  const taken = around.taken.filter(({ device }) => device === undefined || device !== bridgeOf(wish));
  const asked = wish.subnets.length > 0 ? wish.subnets : ['auto'];
  const chosen: Cidr[] = [];
  const used = (): readonly Cidr[] => [...taken.map(({ subnet }) => subnet), ...chosen];
  for (const text of asked) {
    if (text === 'auto') chosen.push(freeSubnet4(used(), skip));
    else chosen.push(givenSubnet(text, wish.allowOverlap ? [] : [...taken, ...chosen.map(asAsked)]));
  }
  if (wish.ipv6 && !chosen.some(({ ip }) => ip.family === 6)) chosen.push(freeSubnet6(used(), random));
  return chosen;
}

const asAsked = (subnet: Cidr): TakenSubnet => ({ subnet, by: 'another --subnet' });

function givenSubnet(text: string, taken: readonly TakenSubnet[]): Cidr {
  const subnet = readable(() => parseCidr(text));
  if (subnet === undefined)
    throw usage(`--subnet ${JSON.stringify(text)} is not a subnet`, 'give one like 10.87.1.0/24');
  if (subnet.hasHostBits) {
    throw usage(`--subnet ${text} has host bits set`, `--subnet ${subnet.network}/${subnet.prefix}`);
  }
  if (subnet.prefix > (subnet.ip.family === 4 ? 30 : 126)) {
    throw usage(`--subnet ${text} has no room for a gateway and a container`, 'take a shorter prefix');
  }
  const clash = taken.find((other) => other.subnet.overlaps(subnet));
  if (clash === undefined) return subnet;
  throw problem(`${text} overlaps with ${clash.subnet} of ${clash.by}`, '--subnet auto finds a free one');
}

function planSubnet({ gateways, ipRanges }: NetworkWish, subnet: Cidr): PlannedSubnet {
  const gateway = gateways.map(readGateway).find((ip) => subnet.contains(ip)) ?? subnet.firstUsable;
  if (gateway.value < subnet.firstUsable.value || gateway.value > subnet.lastUsable.value) {
    throw usage(
      `--gateway ${gateway} is the network or broadcast address of ${subnet}`,
      `--gateway ${subnet.firstUsable}`,
    );
  }
  const range = ipRanges.map(readRange).find(({ first }) => subnet.contains(first));
  if (range !== undefined && !subnet.contains(range.last)) {
    throw usage(`--ip-range ${range} leaves ${subnet}`, 'give a range inside of the subnet');
  }
  return {
    subnet: String(subnet),
    gateway: String(gateway),
    ...(range === undefined ? {} : { rangeStart: String(range.first), rangeEnd: String(range.last) }),
  };
}

/** A gateway or range that belongs to no subnet is a slip, never to be dropped silently. */
function refuseStrays({ gateways, ipRanges }: NetworkWish, subnets: readonly PlannedSubnet[]): void {
  const inside = (text: string): boolean => subnets.some(({ subnet }) => parseCidr(subnet).contains(parseIp(text)));
  const all = subnets.map(({ subnet }) => subnet).join(', ');
  const gateway = gateways.find((text) => !inside(text));
  if (gateway !== undefined)
    throw usage(`--gateway ${gateway} is not in ${all}`, 'give a gateway inside of the subnet');
  const range = ipRanges.find((text) => !inside(String(readRange(text).first)));
  if (range !== undefined) throw usage(`--ip-range ${range} is not in ${all}`, 'give a range inside of the subnet');
}

function readGateway(text: string) {
  const ip = readable(() => parseIp(text));
  if (ip === undefined)
    throw usage(`--gateway ${JSON.stringify(text)} is not an IP address`, 'give one like 10.87.1.1');
  return ip;
}

/** `--ip-range` takes Podman's two spellings: a CIDR, or `first-last`. */
function readRange(text: string): Range {
  const [first = '', last] = text.split('-');
  const range = readable(() => {
    if (last !== undefined) return new Range(parseIp(first), parseIp(last));
    const { ip, prefix } = parseIpOrCidr(text);
    if (prefix === undefined) return Range.ofIp(ip);
    const cidr = parseCidr(text);
    return new Range(cidr.firstUsable, cidr.lastUsable);
  });
  if (range !== undefined) return range;
  throw usage(`--ip-range ${JSON.stringify(text)} is not a range`, 'give 10.87.1.128/25 or 10.87.1.10-10.87.1.20');
}
