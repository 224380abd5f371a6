import { parseCidr, parseIp } from '@flatnet/addressing';
import type { AddResult } from '@flatnet/cni';
import {
  findLink,
  listRoutes,
  queryIp,
  type Kernel,
  type Link,
  type ListedRoute,
  type RouteSpec,
} from '@flatnet/kernel';
import type { Plan } from './plan.ts';
import { subnetOf } from './subnet.ts';
import { type Topology } from './topology.ts';

/** The interface in the container's namespace: MAC, MTU, addresses, routes. */
export async function containerDifferences(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  topology: Topology | undefined,
  prevResult: AddResult | undefined,
): Promise<readonly string[]> {
  const link = await findLink(kernel, plan.ifName, netns);
  if (link === undefined) return [`${plan.ifName} is missing in ${netns} (restart the container)`];
  const mtu = prevResult?.interfaces.find(({ name, sandbox }) => name === plan.ifName && sandbox !== undefined)?.mtu;
  const own = linkDifferences(plan, link, mtu);
  if (topology === undefined) return own;
  const [addresses, routes] = await Promise.all([
    addressDifferences(kernel, plan.ifName, netns, topology),
    routeDifferences(kernel, netns, topology),
  ]);
  return [...own, ...addresses, ...routes];
}

function linkDifferences(
  { ifName, containerMac, config }: Plan,
  link: Link,
  mtu: number | undefined,
): readonly string[] {
  const repair = (words: string): string => `(in the container: ip link set dev ${ifName} ${words})`;
  return [
    ...(link.kind === 'veth'
      ? []
      : [`${ifName} is no veth but ${link.kind ?? 'a plain device'} (restart the container)`]),
    ...(link.mac === containerMac
      ? []
      : [`MAC of ${ifName} is ${link.mac}, not ${containerMac} ${repair(`address ${containerMac}`)}`]),
    ...(link.up || config.disableContainerInterface ? [] : [`${ifName} is down ${repair('up')}`]),
    ...(mtu === undefined || link.mtu === mtu
      ? []
      : [`MTU of ${ifName} is ${link.mtu}, not ${mtu} ${repair(`mtu ${mtu}`)}`]),
  ];
}

async function addressDifferences(
  kernel: Kernel,
  ifName: string,
  netns: string,
  topology: Topology,
): Promise<readonly string[]> {
  const [link] = await queryIp(kernel, `list the addresses of ${ifName}`, ['address', 'show', 'dev', ifName], netns);
  const present = Array.isArray(link?.['addr_info']) ? (link['addr_info'] as readonly Record<string, unknown>[]) : [];
  const texts = new Set(
    present.map((entry) => String(parseCidr(`${String(entry['local'])}/${String(entry['prefixlen'])}`))),
  );
  return topology.addresses
    .filter(({ cidr }) => !texts.has(String(cidr)))
    .map(({ cidr }) => `${ifName} lacks ${cidr} (in the container: ip address add ${cidr} dev ${ifName})`);
}

async function routeDifferences(kernel: Kernel, netns: string, { routes }: Topology): Promise<readonly string[]> {
  const tables = new Map<string, readonly ListedRoute[]>();
  for (const { family, table } of routes) {
    const key = keyOf(family, table);
    if (!tables.has(key)) tables.set(key, await listRoutes(kernel, family, { netns, table: String(table ?? 'main') }));
  }
  return routes
    .filter((route) => !(tables.get(keyOf(route.family, route.table)) ?? []).some((listed) => isRoute(route, listed)))
    .map((route) => {
      const via = route.gateway === undefined ? '' : ` via ${route.gateway}`;
      return `route to ${route.dst}${via} is missing (in the container: ip route add ${route.dst}${via} dev ${route.dev})`;
    });
}

const keyOf = (family: 4 | 6, table: number | undefined): string => `${family} ${table ?? 'main'}`;

function isRoute(wanted: RouteSpec, listed: ListedRoute): boolean {
  return (
    destinationOf(listed.dst, wanted.family) === wanted.dst &&
    listed.dev === wanted.dev &&
    (wanted.gateway === undefined || listed.gateway === wanted.gateway) &&
    (wanted.priority === undefined || (listed.metric ?? 0) === wanted.priority)
  );
}

/** `ip route` prints `default` for everything, and no length for a single address. */
function destinationOf(dst: string, family: 4 | 6): string {
  if (dst === 'default') return family === 4 ? '0.0.0.0/0' : '::/0';
  try {
    return dst.includes('/') ? subnetOf(parseCidr(dst)) : `${parseIp(dst)}/${family === 4 ? 32 : 128}`;
  } catch {
    return dst;
  }
}
