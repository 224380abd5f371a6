import { parseCidr } from '@flatnet/addressing';
import type { AddResult } from '@flatnet/cni';
import { cidrOf, type Kernel, type Link, type Route, type RouteSpec } from '@flatnet/kernel';
import type { Plan } from './plan.ts';
import { type Topology } from './topology.ts';

/** The interface in the container's namespace: MAC, MTU, addresses, routes. */
export function containerDifferences(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  topology: Topology | undefined,
  prevResult: AddResult | undefined,
): readonly string[] {
  const link = kernel.rtnetlink.findLink(plan.ifName, netns);
  if (link === undefined) return [`${plan.ifName} is missing in ${netns} (restart the container)`];
  const mtu = prevResult?.interfaces.find(({ name, sandbox }) => name === plan.ifName && sandbox !== undefined)?.mtu;
  const own = linkDifferences(plan, link, mtu);
  if (topology === undefined) return own;
  return [
    ...own,
    ...addressDifferences(kernel, plan.ifName, netns, topology),
    ...routeDifferences(kernel, netns, topology),
  ];
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

function addressDifferences(
  { rtnetlink }: Kernel,
  ifName: string,
  netns: string,
  topology: Topology,
): readonly string[] {
  const present = rtnetlink.listAddresses(ifName, netns);
  const texts = new Set(present.map((address) => String(parseCidr(cidrOf(address)))));
  return topology.addresses
    .filter(({ cidr }) => !texts.has(String(cidr)))
    .map(({ cidr }) => `${ifName} lacks ${cidr} (in the container: ip address add ${cidr} dev ${ifName})`);
}

function routeDifferences({ rtnetlink }: Kernel, netns: string, { routes }: Topology): readonly string[] {
  return routes
    .filter(({ family, dst, table, ...route }) => {
      const listed = rtnetlink.listRoutes(
        { family, destination: dst, ...(table === undefined ? {} : { table }) },
        netns,
      );
      return !listed.some((present) => isRoute(route, present));
    })
    .map((route) => {
      const via = route.gateway === undefined ? '' : ` via ${route.gateway}`;
      return `route to ${route.dst}${via} is missing (in the container: ip route add ${route.dst}${via} dev ${route.dev})`;
    });
}

const isRoute = (
  wanted: Pick<RouteSpec, 'dev' | 'gateway' | 'priority'>,
  { device, gateway, metric = 0 }: Route,
): boolean =>
  device === wanted.dev &&
  (wanted.gateway === undefined || gateway === wanted.gateway) &&
  (wanted.priority === undefined || metric === wanted.priority);
