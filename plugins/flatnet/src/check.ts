/** CHECK: everything that ADD made against the kernel. Nothing is changed; all differences are named at once, each with its repair. */
import { CniError, ErrorCode } from '@flatnet/cni';
import type { Kernel } from '@flatnet/kernel';
import { missingField, sentenceOf, type CheckRequest } from '@flatnet/skel';
import { containerDifferences } from './check-container.ts';
import { hostDifferences } from './check-host.ts';
import { isForwarded, type FlatnetConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { forwardObstacle } from './forward-policy.ts';
import type { Plan } from './plan.ts';
import { recordedPlan, recordedTopology } from './recorded.ts';
import { ruleDifferences } from './rules.ts';
import type { Topology } from './topology.ts';
import { gatewayDevice } from './vlan.ts';

/** @throws CniError code 7 without prevResult, the delegate's own when it alone finds fault, else code 102 with every difference. */
export async function check(deps: Deps, request: CheckRequest<FlatnetConfig>): Promise<void> {
  if (request.prevResult === undefined) {
    throw missingField(
      'prevResult',
      'CHECK compares with the result of ADD: the runtime has to put it into the configuration',
    );
  }
  const kernel = deps.kernel(request.signal);
  const plan = recordedPlan(request);
  const topology = recordedTopology(request, plan);
  const [refusal, rules, forwarding] = await Promise.all([
    delegateRefusal(deps, request),
    ruleDifferences(kernel, plan, topology),
    forwardDifferences(kernel, plan, topology),
  ]);
  const own = [
    ...hostDifferences(kernel, plan, topology, request.prevResult),
    ...containerDifferences(kernel, plan, request.netns, topology, request.prevResult),
    ...rules,
    ...forwarding,
  ];
  if (own.length === 0 && refusal !== undefined) throw refusal;
  const differences = [
    ...(refusal === undefined ? [] : [`${request.config.ipamType}: ${sentenceOf(refusal)}`]),
    ...own,
  ];
  if (differences.length === 0) return;
  const subject = `interface ${plan.ifName} on network ${plan.network} is not as ADD left it`;
  throw new CniError(ErrorCode.checkFailed, subject, differences.join('; '));
}

async function delegateRefusal(deps: Deps, request: CheckRequest<FlatnetConfig>): Promise<CniError | undefined> {
  const { ipamType } = request.config;
  if (ipamType === undefined) return undefined;
  try {
    await deps.delegateVerb('CHECK', ipamType, request, { signal: request.signal });
    return undefined;
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
}

/** What other programs drop. It was there at ADD perhaps, but it is why the container does not reach other hosts. */
async function forwardDifferences(
  kernel: Kernel,
  { config }: Plan,
  topology: Topology | undefined,
): Promise<readonly string[]> {
  if (topology === undefined || !isForwarded(config)) return [];
  const device = gatewayDevice(config.bridge, config.vlans);
  const obstacle = await forwardObstacle(kernel, device, topology.gateways);
  return obstacle === undefined ? [] : [obstacle];
}
