import { createHash } from 'node:crypto';
import type { Cidr } from '@flatnet/addressing';
import { attachmentHash, defaultBridge } from '@flatnet/cni';
import { listCached, type CachedAttachment } from '../chain/cache.ts';
import type { PortMapping } from '../chain/port-mapping.ts';
import { readResult } from '../chain/result.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { ipamOf, mainPlugin, type Network } from '../conflist/model.ts';
import { gatewayOf, subnetsOf } from '../conflist/subnets.ts';
import { limitsByAttachment } from '../limit/recorded.ts';
import type { Places } from '../places.ts';
import { useOf, type Use } from './use.ts';

/** Podman's id of a CNI network: both tools show the same one. */
export const networkId = (name: string): string => createHash('sha256').update(name).digest('hex');

/** The bridge of a network: as written, else the plugin's default. */
export function bridgeOf(network: Network): string | undefined {
  const { type, bridge } = mainPlugin(network);
  if (typeof bridge === 'string' && bridge !== '') return bridge;
  if (type === 'bridge') return 'cni0';
  if (type !== 'flatnet') return undefined;
  return defaultBridge(network.name);
}

export interface ContainerFacts {
  readonly id: string;
  readonly name?: string;
  readonly ifName: string;
  readonly mac?: string;
  readonly addresses: readonly string[];
  readonly ports: readonly PortMapping[];
  readonly netns?: string;
}

/** The containers on a network: what runtimes and flatnetctl attached and did not take back. */
export const containersOf = (cacheDir: string, network: string): readonly ContainerFacts[] =>
  listCached(cacheDir)
    .filter((cached) => cached.network === network)
    .map(factsOf);

export function factsOf(cached: CachedAttachment): ContainerFacts {
  const name = cached.cniArgs.find(([key]) => key === 'K8S_POD_NAME')?.[1];
  const { interfaces, ips } = readResult(cached.result);
  const inside = interfaces.find(({ sandbox, name: link }) => sandbox !== undefined && link === cached.ifName);
  const mac = inside?.mac;
  const netns = cached.netns ?? inside?.sandbox;
  return {
    id: cached.containerId,
    ...(name === undefined ? {} : { name }),
    ifName: cached.ifName,
    ...(mac === undefined ? {} : { mac }),
    addresses: ips.map(({ address }) => address),
    ports: portsOf(cached.capabilityArgs['portMappings']),
    ...(netns === undefined ? {} : { netns }),
  };
}

const listOf = (value: unknown): readonly ReadonlyMap<string, unknown>[] =>
  Array.isArray(value)
    ? value
        .filter((entry): entry is object => typeof entry === 'object' && entry !== null)
        .map((entry) => new Map(Object.entries(entry)))
    : [];

const portsOf = (value: unknown): readonly PortMapping[] =>
  listOf(value).flatMap((entry): PortMapping[] => {
    const [hostPort, containerPort, protocol = 'tcp', hostIP] = ['hostPort', 'containerPort', 'protocol', 'hostIP'].map(
      (key) => entry.get(key),
    );
    if (typeof hostPort !== 'number' || typeof containerPort !== 'number') return [];
    if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return [];
    return [{ hostPort, containerPort, protocol, ...(typeof hostIP === 'string' && hostIP ? { hostIP } : {}) }];
  });

/** `network inspect` of one network: Podman's keys, and what Podman does not tell (containers, use, file). */
export function inspectNetwork({ network, path }: NetworkFile, { cacheDir, cniPath }: Places): object {
  const subnets = subnetsOf(network);
  const main = mainPlugin(network);
  const containers = containersOf(cacheDir, network.name);
  const ipam = ipamOf(network);
  const use = useOf(network, cniPath);
  return {
    name: network.name,
    id: network.id ?? networkId(network.name),
    driver: main.type,
    network_interface: bridgeOf(network),
    created: network.created,
    subnets: subnets.map((configured) => ({
      subnet: String(configured.subnet),
      gateway: gatewayOf(configured),
      ...(configured.rangeStart === undefined && configured.rangeEnd === undefined
        ? {}
        : { lease_range: { start_ip: configured.rangeStart, end_ip: configured.rangeEnd } }),
      ...useOfSubnet(use, configured.subnet),
    })),
    ipv6_enabled: subnets.some(({ subnet }) => subnet.ip.family === 6),
    internal: main['internal'] === true,
    isolation: isolationOf(network),
    dns_enabled: network.plugins.some(({ type }) => type === 'dnsname' || type === 'flatnet-dns'),
    labels: network.labels,
    options: network.options,
    ipam_options: { driver: ipam['type'] },
    containers: byContainer(network.name, containers),
    plugins: network.plugins.map(({ type }) => type),
    cni_version: network.cniVersion,
    file: path,
    managed: network.created !== undefined,
  };
}

/** From whom the containers are isolated, in the words of `network create --isolate`. */
export function isolationOf({ plugins }: Network): readonly string[] {
  const policies = plugins.flatMap(({ type, ingressPolicy }) =>
    type === 'firewall' || type === 'flatnet-firewall' ? [String(ingressPolicy).toLowerCase()] : [],
  );
  const isAny = (...words: readonly string[]): boolean => policies.some((policy) => words.includes(policy));
  const containers = plugins.some(({ portIsolation }) => portIsolation === true) || isAny('isolated');
  return [
    ...(isAny('same-bridge', 'isolated') ? ['networks'] : []),
    ...(isAny('strict') ? ['strict'] : []),
    ...(containers ? ['containers'] : []),
  ];
}

/** As newer Podman shows them: by container id, then by interface. */
function byContainer(network: string, containers: readonly ContainerFacts[]): object {
  const limits = limitsByAttachment(network);
  const ids = [...new Set(containers.map(({ id }) => id))];
  return Object.fromEntries(
    ids.map((id) => {
      const own = containers.filter((facts) => facts.id === id);
      const interfaces = own.map(({ ifName, mac, addresses, ports, netns }) => [
        ifName,
        { mac, addresses, ports, netns, limits: limits.get(attachmentHash(network, { containerId: id, ifName })) },
      ]);
      return [id, { name: own[0]?.name, interfaces: Object.fromEntries(interfaces) }];
    }),
  );
}

/** Absent where the leases are another IPAM's. */
function useOfSubnet(use: readonly Use[], subnet: Cidr): object {
  const found = use.find((each) => each.subnet === String(subnet));
  return found === undefined ? {} : { addresses: { total: found.total, in_use: found.in_use, free: found.free } };
}
