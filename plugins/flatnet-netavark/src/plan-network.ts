/** A network as Podman sent it -> as Podman is to keep it. Pure. */
import { type Cidr, type Ip } from '@flatnet/addressing';
import { findFreeSubnet4, freeSubnet6, SUBNET_POOLS } from '@flatnet/addressing/free-subnet';
import { isObject, networkHash } from '@flatnet/cni';
import { bridgeOf, decodeDriverNetwork, type DriverNetwork, type DriverSubnet, refuse } from '@flatnet/driver';
import type { Surroundings } from './surroundings.ts';

export interface PlannedNetwork {
  /** All that Podman sent but for null, with what was chosen. */
  readonly network: Readonly<Record<string, unknown>>;
  readonly name: string;
  /** For the user's terminal. */
  readonly words: readonly string[];
}

const WHO_LEASES = {
  'flatnet-ipam': 'flatnet-ipam',
  'host-local': 'Podman',
} as const;

/** @throws CniError code 7 that names the field, or the network or route in the way. */
export function planNetwork(json: unknown, around: Surroundings): PlannedNetwork {
  const asked = decodeDriverNetwork(json);
  const { name, internal, ipam } = asked;
  if (around.conflists.has(name)) refuse(`network ${name} is defined by a conflist`, 'choose another name');
  const words: string[] = [];
  const dns = hasNames(asked, around, words);
  const bridge = bridgeFor(asked, around);
  const subnets =
    ipam === 'none' ? [] : chooseSubnets(asked, around, bridge).map((each) => withGateway(each, internal && !dns));
  if (ipam !== 'none')
    words.push(
      `addresses of network ${name} are leased by ${WHO_LEASES[ipam]} (ipam_options of podman network inspect)`,
    );
  const given = Object.fromEntries(Object.entries(isObject(json) ? json : {}).filter(([, value]) => value !== null));
  return {
    name,
    words,
    network: {
      ...given,
      network_interface: bridge,
      ...(subnets.length === 0 ? {} : { subnets: subnets.map(rendered) }),
      ipv6_enabled: subnets.some(({ subnet }) => subnet.ip.family === 6),
      internal,
      dns_enabled: dns,
      ipam_options: { ...(isObject(given['ipam_options']) ? given['ipam_options'] : {}), driver: ipam },
    },
  };
}

/** Podman stores `dns_enabled: true` by default, so that a host without dnsmasq gets a word instead of a refusal. */
function hasNames(
  { name, dnsEnabled, dnsServers, ipam }: DriverNetwork,
  { hasDnsmasq }: Surroundings,
  words: string[],
): boolean {
  if (!dnsEnabled || ipam === 'none') return false;
  if (hasDnsmasq) return true;
  if (dnsServers.length > 0) {
    refuse(
      '--dns needs a resolver of the network, and dnsmasq is not installed',
      'install the package dnsmasq-base, or leave --dns out',
    );
  }
  words.push(`containers on network ${name} find no names: install the package dnsmasq-base, and create it again`);
  return false;
}

/** A VLAN of the bridge is a device of its own, `BRIDGE.4094` at the longest. */
const MAX_NAME = 15;
const SHORT_HASH = 7;

function bridgeFor(network: DriverNetwork, { bridges, links }: Surroundings): string {
  const { name, options } = network;
  const plain = bridgeOf(network);
  const tail = options.vlan === undefined ? '' : `.${options.vlan}`;
  const isFree = (bridge: string): boolean =>
    !bridges.has(bridge) && (links.get(bridge) ?? 'bridge') === 'bridge' && bridge.length + tail.length <= MAX_NAME;
  if (isFree(plain)) return plain;
  if (network.bridge === '') {
    const hashed = `fl-${networkHash(name).slice(0, SHORT_HASH)}`;
    return isFree(hashed)
      ? hashed
      : refuse(`no name is free for the bridge of network ${name}`, 'give one with --interface-name');
  }
  const owner = bridges.get(plain);
  if (owner !== undefined) refuse(`--interface-name ${plain} is the bridge of network ${owner}`, 'choose another name');
  if (links.has(plain) && links.get(plain) !== 'bridge') {
    refuse(`--interface-name ${plain} is an interface of the host, and no bridge`, 'choose another name');
  }
  return refuse(`the device of the VLAN, ${plain}${tail}, has too long a name`, 'shorten --interface-name');
}

function chooseSubnets(
  { name, subnets, ipv6 }: DriverNetwork,
  { taken, random }: Surroundings,
  bridge: string,
): readonly DriverSubnet[] {
  // A bridge of the name may be left with the address of its network, which is created again.
  const others = taken.filter(({ device }) => device !== bridge);
  const chosen: DriverSubnet[] = [];
  const used = (): readonly Cidr[] => [...others.map(({ subnet }) => subnet), ...chosen.map(({ subnet }) => subnet)];
  for (const each of subnets) {
    const clash = others.find(({ subnet }) => subnet.overlaps(each.subnet));
    if (clash !== undefined) {
      refuse(
        `subnet ${each.subnet} overlaps with ${clash.subnet}: ${clash.by}`,
        'choose another, or leave --subnet out: a free one is found then',
      );
    }
    if (chosen.some(({ subnet }) => subnet.overlaps(each.subnet))) {
      refuse(
        `subnet ${each.subnet} is given twice, or overlaps with another one of network ${name}`,
        'choose subnets apart',
      );
    }
    chosen.push(each);
  }
  const hasFour = chosen.some(({ subnet }) => subnet.ip.family === 4);
  if (chosen.length === 0 && !hasFour) chosen.push({ subnet: free4(used()) });
  if (ipv6 && !chosen.some(({ subnet }) => subnet.ip.family === 6))
    chosen.push({ subnet: freeSubnet6(used(), random) });
  return chosen;
}

const free4 = (used: readonly Cidr[]): Cidr =>
  findFreeSubnet4(used) ?? refuse(`no free /24 is left in ${SUBNET_POOLS.join(', ')}`, 'give one with --subnet');

/** Where nothing leads out and no names are served, no address is kept for a gateway. */
function withGateway(given: DriverSubnet, isClosed: boolean): DriverSubnet {
  const { subnet, gateway } = given;
  if (subnet.prefix > (subnet.ip.family === 4 ? 30 : 126)) {
    refuse(`subnet ${subnet} has no room for a gateway and a container`, 'take a shorter prefix');
  }
  const isUsable = (ip: Ip): boolean => ip.value >= subnet.firstUsable.value && ip.value <= subnet.lastUsable.value;
  if (gateway !== undefined && !isUsable(gateway)) {
    refuse(
      `gateway ${gateway} is the network or broadcast address of ${subnet}`,
      `give another, such as ${subnet.firstUsable}`,
    );
  }
  return gateway === undefined && !isClosed ? { ...given, gateway: subnet.firstUsable } : given;
}

const rendered = ({ subnet, gateway, first, last }: DriverSubnet): object => ({
  subnet: `${subnet.network}/${subnet.prefix}`,
  ...(gateway === undefined ? {} : { gateway: String(gateway) }),
  ...(first === undefined && last === undefined
    ? {}
    : {
        lease_range: {
          ...(first === undefined ? {} : { start_ip: String(first) }),
          ...(last === undefined ? {} : { end_ip: String(last) }),
        },
      }),
});
