/** The wanted state of an attachment that was made before, from the result that its runtime kept. */
import type { CheckRequest } from '@flatnet/skel';
import type { FlatnetConfig } from './config.ts';
import { planOf, type Plan } from './plan.ts';
import { topologyOf, type Topology } from './topology.ts';

/** The runtime's record of the MAC counts, not what would be chosen today. */
export function recordedPlan(request: CheckRequest<FlatnetConfig>): Plan {
  const plan = planOf(request);
  const recorded = request.prevResult?.interfaces.find(
    ({ name, sandbox }) => name === plan.ifName && sandbox !== undefined,
  );
  return recorded?.mac === undefined ? plan : { ...plan, containerMac: recorded.mac.toLowerCase() };
}

/** What the result of ADD asks of the host and the container; undefined without addresses. @throws CniError. */
export function recordedTopology(request: CheckRequest<FlatnetConfig>, plan: Plan): Topology | undefined {
  const { prevResult, config } = request;
  if (config.ipamType === undefined || prevResult === undefined) return undefined;
  const interfaces = prevResult.interfaces;
  // Plugins later in the chain may have added addresses of other interfaces.
  const ips = prevResult.ips.filter(
    (ip) =>
      ip.interface === undefined ||
      interfaces[ip.interface] === undefined ||
      interfaces[ip.interface]?.name === plan.ifName,
  );
  return ips.length === 0 ? undefined : topologyOf(config, plan.ifName, { ips, routes: prevResult.routes, dns: {} });
}
