/**
 * A container on several networks: the first default route wins, so an answer to a connection that came in by the second network would
 * leave by the first, with an address that nobody there knows. A rule per address sends it back the way it came:
 *
 *   ip rule from 10.87.2.5 lookup T        table T: 10.87.2.0/24 dev eth1; default via 10.87.2.1 dev eth1
 */
import { ToolError } from '@flatnet/exec';
import { addRoute, addSourceRule, applyIp, listRoutes, type Kernel } from '@flatnet/kernel';
import type { Plan } from './plan.ts';
import { subnetOf } from './subnet.ts';
import { type Topology, type WantedAddress } from './topology.ts';

/** Before the main table (32766), after what an administrator is likely to write. */
const RULE_PRIORITY = 32_000;
/** Tables below are the system's or the administrator's. */
const FIRST_TABLE = 0x1000_0000;

/** The attachment's own table: the container's namespace holds a handful of them, out of 16 million. */
export const replyTable = (hostVeth: string): number => FIRST_TABLE + Number.parseInt(hostVeth.slice(2, 8), 16);

/**
 * @param otherDefault whether the container had an IPv4 default route before this network's.
 * @throws ToolError.
 */
export async function routeRepliesBack(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  topology: Topology,
  otherDefault: boolean,
): Promise<void> {
  const leaving = topology.addresses.filter(({ cidr, gateway }) => {
    const out = topology.routes.some(({ family, dst }) => family === cidr.ip.family && dst.endsWith('/0'));
    return out && gateway !== undefined;
  });
  const hasIpv4 = leaving.some(({ cidr }) => cidr.ip.family === 4);
  const explicit = plan.config.defaultRoutePriority !== undefined;
  const needed = explicit || (hasIpv4 ? otherDefault : await hasOtherDefault6(kernel, plan, netns, leaving));
  if (!needed) return;
  for (const address of leaving) await routeBack(kernel, plan, netns, address);
}

async function hasOtherDefault6(
  kernel: Kernel,
  { ifName }: Plan,
  netns: string,
  leaving: readonly WantedAddress[],
): Promise<boolean> {
  // The first interface of a container has nobody before it; asking costs a process.
  if (leaving.length === 0 || ifName === 'eth0') return false;
  return (await listRoutes(kernel, 6, { netns })).some(({ dst, dev }) => dst === 'default' && dev !== ifName);
}

async function routeBack(kernel: Kernel, plan: Plan, netns: string, { cidr, gateway }: WantedAddress): Promise<void> {
  const table = replyTable(plan.hostVeth);
  const { family } = cidr.ip;
  const doing = `route replies of ${cidr.ip} back by ${plan.ifName}`;
  const common = { family, dev: plan.ifName, table };
  const routes = [
    addRoute({ ...common, dst: subnetOf(cidr) }),
    addRoute(
      { ...common, dst: family === 4 ? '0.0.0.0/0' : '::/0', gateway: String(gateway) },
      !cidr.contains(gateway!),
    ),
  ];
  await applyIp(kernel, doing, routes, netns);
  const rule = addSourceRule(String(cidr.ip), table, RULE_PRIORITY);
  try {
    await applyIp(kernel, doing, [rule], netns, family === 6 ? 6 : undefined);
  } catch (error) {
    // Left from an earlier attachment of the same container: rules do not go with the interface.
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
}
