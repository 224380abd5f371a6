import { CniError, ErrorCode } from '@flatnet/cni';
import { missingPublications } from '@flatnet/hostport';
import { chainedResult, type CheckRequest } from '@flatnet/skel';
import type { PortmapConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { outboundDifferences, outboundRules } from './outbound.ts';
import { planOf, wayTo } from './plan.ts';

/** CHECK. Every element, chain and setting that ADD would make; changes nothing. @throws CniError code 102 that says what is missing. */
export async function check(deps: Deps, request: CheckRequest<PortmapConfig>): Promise<void> {
  const { config, network, attachment, signal } = request;
  const result = chainedResult(request, 'flatnet-portmap');
  const kernel = deps.kernel(signal);
  const plan = planOf(network, attachment, config, result, wayTo(kernel));
  const missing = [
    ...(plan.publications.length === 0
      ? []
      : await missingPublications(kernel.nft, deps.records(config.dataDir), plan)),
    ...(await outboundDifferences(kernel.nft, outboundRules(plan.owner, config, result))),
  ];
  if (plan.localInterface !== undefined) {
    const key = `ipv4/conf/${plan.localInterface}/route_localnet`;
    if (kernel.proc.read(`/proc/sys/net/${key}`) === '0') missing.push(`sysctl net/${key} is 0`);
  }
  if (missing.length === 0) return;
  throw new CniError(
    ErrorCode.checkFailed,
    `published ports of container ${attachment.containerId} differ from what they should be`,
    `missing: ${missing.join('; ')}. A new ADD, or the operator's reload, rebuilds them`,
  );
}
