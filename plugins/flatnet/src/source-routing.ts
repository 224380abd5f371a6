/**
 * A container on several networks: the first default route wins, and each further one stands behind it. An answer to a connection that came
 * in by one network would leave by another, with an address that is unknown there. A rule per address sends it back:
 *
 *   ip rule from 10.87.2.5 lookup T        table T: 10.87.2.0/24 dev eth1; default via 10.87.2.1 dev eth1
 *   ip rule from 10.87.1.5 lookup F        table F: 10.87.1.0/24 dev eth0; default via 10.87.1.1 dev eth0
 *
 * The first network's addresses need one as soon as there is a second: a host of its subnet that asks them would be answered directly.
 */
import { addSourceRule, appendRoute, type Kernel, type Route, type RouteSpec } from '@flatnet/kernel';
import { needsOnlink } from './container.ts';
import { firstNetwork } from './first-network.ts';
import type { Plan } from './plan.ts';
import { type Back, dropSourceRules, firstNetworkTable, ownTable, recordRules } from './source-table.ts';
import { subnetOf } from './subnet.ts';
import { isDefault, type Topology, type WantedAddress } from './topology.ts';

/** Before the main table (32766), after what an administrator is likely to write. */
const RULE_PRIORITY = 32_000;
/** The metric of a route that names none (IPv6: IP6_RT_PRIO_USER). */
const USUAL_METRIC = { 4: 0, 6: 1024 } as const;

/** The default routes that were there before this network's, by family. */
export type Before = Readonly<Record<4 | 6, readonly Route[]>>;

/** Asks the container's namespace. @throws RtnetlinkError. */
export function defaultRoutesBefore({ rtnetlink }: Kernel, netns: string, topology: Topology): Before {
  const routesOf = (family: 4 | 6): readonly Route[] => {
    const destination = family === 4 ? '0.0.0.0/0' : '::/0';
    if (!topology.routes.some(({ dst }) => dst === destination)) return [];
    return rtnetlink.listRoutes({ family, destination }, netns);
  };
  return { 4: routesOf(4), 6: routesOf(6) };
}

/**
 * The topology with its default routes behind those that are there. Of two with one metric the kernel takes now this one and now that one
 * (fib_select_default for IPv4, a merged route for IPv6), and half of the answers would leave by the wrong network.
 */
export function behindOthers(topology: Topology, before: Before): Topology {
  const routes = topology.routes.map((route) => {
    const { family, dst, priority, table } = route;
    const usual = USUAL_METRIC[family];
    const taken = before[family].map(({ metric = 0 }) => metric);
    if (!isDefault(dst) || priority !== undefined || table !== undefined || !taken.includes(usual)) return route;
    let metric = usual + 1;
    while (taken.includes(metric)) metric += 1;
    return { ...route, priority: metric };
  });
  return { ...topology, routes };
}

/**
 * Makes the rules and the tables of a further network.
 *
 * @throws RtnetlinkError.
 */
export function addSourceRouting(kernel: Kernel, plan: Plan, netns: string, topology: Topology, before: Before): void {
  const backs = ([4, 6] as const).flatMap((family): readonly Back[] => {
    const own = ownBack(plan, topology, family, before[family]);
    if (own === undefined) return [];
    const first = firstNetwork(kernel.rtnetlink, netns, family, before[family], firstNetworkTable(plan.hostVeth));
    return first === undefined ? [own] : [first, own];
  });
  if (backs.length === 0) return;
  // Before the rules: a DEL that comes after an ADD that was killed finds them, too.
  recordRules(kernel, plan.hostVeth);
  // An ADD of this attachment that was killed has left its own.
  dropSourceRules(kernel, plan.hostVeth, netns);
  const changes = backs.flatMap(({ addresses, ways, table }) => [
    ...ways.map(({ route, onlink }) => appendRoute(route, onlink)),
    ...addresses.map((source) => addSourceRule({ source, table, priority: RULE_PRIORITY })),
  ]);
  kernel.rtnetlink.change(`route replies back by ${plan.ifName}`, changes, netns);
}

/** For the addresses of this network, where it has a way out and is not the first. */
function ownBack(plan: Plan, topology: Topology, family: 4 | 6, before: readonly Route[]): Back | undefined {
  const isSecond = before.length > 0 || plan.config.defaultRoutePriority !== undefined;
  const routes = topology.routes.filter((route) => route.family === family && route.table === undefined);
  const addresses = topology.addresses.filter(
    ({ cidr, gateway }) => cidr.ip.family === family && gateway !== undefined,
  );
  if (!isSecond || addresses.length === 0 || !routes.some(({ dst }) => isDefault(dst))) return undefined;
  const table = ownTable(plan.hostVeth);
  const subnets = addresses.map(({ cidr }) => ({ family, dst: subnetOf(cidr), dev: plan.ifName }));
  const all = [...subnets, ...routes.filter(({ dst }) => !isDefault(dst)), ...addresses.map(defaultBy(plan.ifName))];
  // Two addresses of one subnet have their routes in common.
  const unique = new Map(all.map((route) => [route.dst, { ...route, table }])).values();
  return {
    table,
    addresses: addresses.map(({ cidr }) => String(cidr.ip)),
    ways: [...unique].map((route) => ({ route, onlink: needsOnlink(route, topology) })),
  };
}

const defaultBy =
  (dev: string) =>
  ({ cidr: { ip }, gateway }: WantedAddress): RouteSpec => ({
    ...{ family: ip.family, dev, dst: ip.family === 4 ? '0.0.0.0/0' : '::/0' },
    gateway: String(gateway),
  });
