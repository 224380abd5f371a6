/** A network of Podman's as flatnet understands it: every text read, every option known. Pure. */
import { parseCidr, parseIp, type Cidr, type Ip } from '@flatnet/addressing';
import { assertNetworkName, isInterfaceName, shown, type Route } from '@flatnet/cni';
import { decode } from '@flatnet/cni/schema';
import { type NetworkDocument, networkSchema } from './document.ts';
import { type DriverOptions, readOptions } from './options.ts';
import { readField, refuse } from './refuse.ts';

export interface DriverSubnet {
  readonly subnet: Cidr;
  readonly gateway?: Ip;
  readonly first?: Ip;
  readonly last?: Ip;
}

/** Who leases addresses: flatnet-ipam; Podman, whose choice flatnet-ipam then records; nobody. */
export const IPAM_DRIVERS = ['flatnet-ipam', 'host-local', 'none'] as const;
export type IpamDriver = (typeof IPAM_DRIVERS)[number];

export interface DriverNetwork {
  readonly name: string;
  readonly id: string;
  /** Empty before create has chosen one. */
  readonly bridge: string;
  readonly internal: boolean;
  readonly ipv6: boolean;
  readonly dnsEnabled: boolean;
  readonly subnets: readonly DriverSubnet[];
  readonly routes: readonly Route[];
  readonly dnsServers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly options: DriverOptions;
  readonly ipam: IpamDriver;
}

/** @throws CniError code 7 that names the field. */
export function decodeDriverNetwork(json: unknown): DriverNetwork {
  const document = decode(networkSchema, json, 'network');
  assertNetworkName(document.name);
  const subnets = (document.subnets ?? []).map(subnetOf);
  const ipv6 = (document.ipv6_enabled ?? false) || subnets.some(({ subnet }) => subnet.ip.family === 6);
  const bridge = document.network_interface ?? '';
  if (bridge !== '' && !isInterfaceName(bridge)) {
    refuse(
      `network_interface is ${shown(bridge)}`,
      'give --interface-name a name of at most 15 letters, digits, "_", "." or "-"',
    );
  }
  return {
    name: document.name,
    id: document.id ?? '',
    bridge,
    internal: document.internal ?? false,
    ipv6,
    dnsEnabled: document.dns_enabled ?? false,
    subnets,
    routes: (document.routes ?? []).map(routeOf),
    dnsServers: (document.network_dns_servers ?? []).map(serverOf),
    labels: document.labels ?? {},
    options: readOptions(document.options ?? {}, { ipv6 }),
    ipam: ipamOf(document.ipam_options?.['driver'] ?? ''),
  };
}

type Subnet = NonNullable<NetworkDocument['subnets']>[number];

function subnetOf({ subnet: text, gateway, lease_range: range }: Subnet): DriverSubnet {
  const subnet = readField(`subnet ${shown(text)}`, () => parseCidr(text));
  const inside = (field: string, given: string | undefined): Ip | undefined => {
    if (given === undefined || given === '') return undefined;
    const ip = readField(field, () => parseIp(given));
    return subnet.contains(ip) ? ip : refuse(`${field} ${ip} is not in ${subnet}`, `give an address of ${subnet}`);
  };
  const [hop, first, last] = [
    inside('gateway', gateway),
    inside('lease_range.start_ip', range?.start_ip),
    inside('lease_range.end_ip', range?.end_ip),
  ];
  return {
    subnet,
    ...(hop === undefined ? {} : { gateway: hop }),
    ...(first === undefined ? {} : { first }),
    ...(last === undefined ? {} : { last }),
  };
}

function routeOf({
  destination,
  gateway,
  metric,
  route_type: type,
}: NonNullable<NetworkDocument['routes']>[number]): Route {
  if (type !== undefined && type !== '' && type !== 'unicast') {
    refuse(
      `the route to ${shown(destination)} is of type ${shown(type)}`,
      'flatnet has unicast routes only: leave it out',
    );
  }
  const dst = readField('routes[].destination', () => parseCidr(destination));
  return {
    dst: String(dst),
    ...(gateway === undefined || gateway === ''
      ? {}
      : { gw: String(readField('routes[].gateway', () => parseIp(gateway))) }),
    ...(metric === undefined ? {} : { priority: metric }),
  };
}

const serverOf = (text: string): string => String(readField('network_dns_servers', () => parseIp(text)));

function ipamOf(driver: string): IpamDriver {
  if (driver === '') return 'flatnet-ipam';
  const known = IPAM_DRIVERS.find((name) => name === driver);
  return (
    known ??
    refuse(
      `--ipam-driver ${shown(driver)} is not served by flatnet`,
      `give one of ${IPAM_DRIVERS.join(', ')}, or none at all`,
    )
  );
}
