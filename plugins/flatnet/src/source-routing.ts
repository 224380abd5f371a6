/**
 * A container on several networks: the first default route wins, and each further one stands behind it. An answer to a connection that came
 * in by the second network would leave by the first, with an address that is unknown there. A rule per address sends it back:
 *
 *   ip rule from 10.87.2.5 lookup T        table T: 10.87.2.0/24 dev eth1; default via 10.87.2.1 dev eth1
 */
import type { Ip } from '@flatnet/addressing';
import { ToolError } from '@flatnet/exec';
import { addSourceRule, appendRoute, type Kernel, type RouteSpec } from '@flatnet/kernel';
import type { Plan } from './plan.ts';
import { subnetOf } from './subnet.ts';
import { isDefault, type Topology, type WantedAddress } from './topology.ts';

/** Before the main table (32766), after what an administrator is likely to write. */
const RULE_PRIORITY = 32_000;
/** Tables below are the system's or the administrator's. */
const FIRST_TABLE = 0x1000_0000;
/** The metric of a route that names none (IPv6: IP6_RT_PRIO_USER). */
const USUAL_METRIC = { 4: 0, 6: 1024 } as const;

/** The metrics of the default routes that were there before this network's, by family. */
export type TakenMetrics = Readonly<Record<4 | 6, readonly number[]>>;

/** The attachment's own table: the container's namespace holds a handful of them, out of 16 million. */
export const sourceTable = (hostVeth: string): number => FIRST_TABLE + Number.parseInt(hostVeth.slice(2, 8), 16);

/**
 * A number that the kernel keeps for the administrator and makes no use of (ip-sysctl.rst, `tag`). The host end's says whether rules were
 * made for it in the container's namespace: rules do not go with an interface, and asking the namespace would cost every DEL a process.
 */
const recordOf = (hostVeth: string): string => `/proc/sys/net/ipv4/conf/${hostVeth}/tag`;

function recordRules(kernel: Kernel, hostVeth: string): void {
  try {
    kernel.proc.write(recordOf(hostVeth), '1');
  } catch {
    // Where /proc/sys is read-only, the rules stay as long as the namespace.
  }
}

/** Whether ADD made rules for this host end. To be asked while the link exists. */
export const hasSourceRules = (kernel: Kernel, hostVeth: string): boolean =>
  kernel.proc.read(recordOf(hostVeth)) === '1';

/**
 * Removes an attachment's rules from a namespace that lives on. Only its own rules name its table, so a namespace that is another
 * container's by now loses nothing.
 *
 * @throws RtnetlinkError, but not for a namespace that is gone.
 */
export function dropSourceRules(kernel: Kernel, hostVeth: string, netns: string): void {
  try {
    kernel.rtnetlink.deleteRules(sourceTable(hostVeth), netns);
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
  }
}

/** Asks the container's namespace. @throws RtnetlinkError. */
export function takenMetrics({ rtnetlink }: Kernel, netns: string, topology: Topology): TakenMetrics {
  const metricsOf = (family: 4 | 6): readonly number[] => {
    const destination = family === 4 ? '0.0.0.0/0' : '::/0';
    if (!topology.routes.some(({ dst }) => dst === destination)) return [];
    return rtnetlink.listRoutes({ family, destination }, netns).map(({ metric = 0 }) => metric);
  };
  return { 4: metricsOf(4), 6: metricsOf(6) };
}

/**
 * The topology with its default routes behind those that are there. Of two with one metric the kernel takes now this one and now that one
 * (fib_select_default for IPv4, a merged route for IPv6), and half of the answers would leave by the wrong network.
 */
export function behindOthers(topology: Topology, taken: TakenMetrics): Topology {
  const routes = topology.routes.map((route) => {
    const { family, dst, priority, table } = route;
    const usual = USUAL_METRIC[family];
    if (!isDefault(dst) || priority !== undefined || table !== undefined || !taken[family].includes(usual))
      return route;
    let metric = usual + 1;
    while (taken[family].includes(metric)) metric += 1;
    return { ...route, priority: metric };
  });
  return { ...topology, routes };
}

/**
 * Makes the rules and the table of a further network.
 *
 * @throws RtnetlinkError.
 */
export function addSourceRouting(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  topology: Topology,
  taken: TakenMetrics,
): void {
  const back = topology.addresses.filter(({ cidr: { ip }, gateway }) => {
    const out = topology.routes.some(({ family, dst }) => family === ip.family && isDefault(dst));
    const isSecond = taken[ip.family].length > 0 || plan.config.defaultRoutePriority !== undefined;
    return out && gateway !== undefined && isSecond;
  });
  if (back.length === 0) return;
  // Two addresses of one subnet have their routes in common.
  const routes = new Map(back.flatMap((address) => routesBack(plan, address)).map((way) => [way.route.dst, way]));
  // Before the rules: a DEL that comes after an ADD that was killed finds them, too.
  recordRules(kernel, plan.hostVeth);
  const doing = `route replies back by ${plan.ifName}`;
  const ways = [...routes.values()].map(({ route, onlink }) => appendRoute(route, onlink));
  kernel.rtnetlink.change(doing, ways, netns);
  for (const { cidr } of back) addRule(kernel, plan, netns, doing, cidr.ip);
}

interface Way {
  readonly route: RouteSpec;
  readonly onlink: boolean;
}

function routesBack(plan: Plan, { cidr, gateway }: WantedAddress): readonly Way[] {
  const { family } = cidr.ip;
  const common = { family, dev: plan.ifName, table: sourceTable(plan.hostVeth) };
  const dst = family === 4 ? '0.0.0.0/0' : '::/0';
  return [
    { route: { ...common, dst: subnetOf(cidr) }, onlink: false },
    { route: { ...common, dst, gateway: String(gateway) }, onlink: !cidr.contains(gateway!) },
  ];
}

function addRule(kernel: Kernel, plan: Plan, netns: string, doing: string, ip: Ip): void {
  const rule = addSourceRule({ source: String(ip), table: sourceTable(plan.hostVeth), priority: RULE_PRIORITY });
  try {
    kernel.rtnetlink.change(doing, [rule], netns);
  } catch (error) {
    // The rule of an earlier attachment whose ADD was killed.
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
}
