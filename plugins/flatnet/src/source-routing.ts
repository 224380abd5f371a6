/**
 * A container on several networks: the first default route wins, and each further one stands behind it. An answer to a connection that came
 * in by the second network would leave by the first, with an address that nobody there knows. A rule per address sends it back:
 *
 *   ip rule from 10.87.2.5 lookup T        table T: 10.87.2.0/24 dev eth1; default via 10.87.2.1 dev eth1
 */
import type { Ip } from '@flatnet/addressing';
import { ToolError } from '@flatnet/exec';
import {
  addRoute,
  addSourceRule,
  applyIp,
  defaultMetrics,
  flushSourceRules,
  showDefaults,
  type IpCommand,
  type Kernel,
} from '@flatnet/kernel';
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
 * @throws ToolError, but not for a namespace that is gone.
 */
export async function dropSourceRules(kernel: Kernel, hostVeth: string, netns: string): Promise<void> {
  for (const family of [4, 6] as const) {
    try {
      await flushSourceRules(kernel, sourceTable(hostVeth), family, netns);
    } catch (error) {
      if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
    }
  }
}

/** Asks the container's namespace. @throws ToolError. */
export async function takenMetrics(kernel: Kernel, netns: string, topology: Topology): Promise<TakenMetrics> {
  const families = ([4, 6] as const).filter((family) =>
    topology.routes.some((route) => route.family === family && isDefault(route.dst)),
  );
  const printed = await applyIp(kernel, `list the default routes in ${netns}`, families.map(showDefaults), netns);
  return { 4: defaultMetrics(printed, 4), 6: defaultMetrics(printed, 6) };
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
 * @throws ToolError.
 */
export async function addSourceRouting(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  topology: Topology,
  taken: TakenMetrics,
): Promise<void> {
  const back = topology.addresses.filter(({ cidr: { ip }, gateway }) => {
    const out = topology.routes.some(({ family, dst }) => family === ip.family && isDefault(dst));
    const isSecond = taken[ip.family].length > 0 || plan.config.defaultRoutePriority !== undefined;
    return out && gateway !== undefined && isSecond;
  });
  if (back.length === 0) return;
  // Two addresses of one subnet have their routes in common.
  const routes = new Map(back.flatMap((address) => routesBack(plan, address)).map((route) => [route.join(' '), route]));
  // Before the rules: a DEL that comes after an ADD that was killed finds them, too.
  recordRules(kernel, plan.hostVeth);
  const doing = `route replies back by ${plan.ifName}`;
  await applyIp(kernel, doing, [...routes.values()], netns);
  for (const { cidr } of back) await addRule(kernel, plan, netns, doing, cidr.ip);
}

function routesBack(plan: Plan, { cidr, gateway }: WantedAddress): IpCommand[] {
  const { family } = cidr.ip;
  const common = { family, dev: plan.ifName, table: sourceTable(plan.hostVeth) };
  const everywhere = family === 4 ? '0.0.0.0/0' : '::/0';
  return [
    addRoute({ ...common, dst: subnetOf(cidr) }),
    addRoute({ ...common, dst: everywhere, gateway: String(gateway) }, !cidr.contains(gateway!)),
  ];
}

async function addRule(kernel: Kernel, plan: Plan, netns: string, doing: string, ip: Ip): Promise<void> {
  const rule = addSourceRule(String(ip), sourceTable(plan.hostVeth), RULE_PRIORITY);
  try {
    await applyIp(kernel, doing, [rule], netns, ip.family === 6 ? 6 : undefined);
  } catch (error) {
    // The rule of an earlier attachment whose ADD was killed.
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
}
