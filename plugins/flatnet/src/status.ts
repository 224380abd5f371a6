/** STATUS: would ADD work now? Asked every few seconds by a kubelet, so it starts nft once, beside the delegated plugin. */
import { parseCidr } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import type { StatusRequest } from '@flatnet/skel';
import { isForwarded, type FlatnetConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { forwardObstacle } from './forward-policy.ts';
import { refuseWithoutIpv6 } from './gateway.ts';
import { allSettledOrFirst } from './settle.ts';
import { gatewayDevice } from './vlan.ts';

/** @throws CniError code 50 when ADD would fail; 51 when the host would drop the containers' traffic. */
export async function status(deps: Deps, request: StatusRequest<FlatnetConfig>): Promise<void> {
  const { ipamType, bridge, isGateway, vlans, hints } = request.config;
  const device = gatewayDevice(bridge, vlans);
  const kernel = deps.kernel(request.signal);
  if (isGateway) refuseWithoutIpv6(kernel, device, hints.subnets);
  const delegate =
    ipamType === undefined
      ? Promise.resolve()
      : deps.delegateVerb('STATUS', ipamType, request, { signal: request.signal });
  // Also for a network that is not forwarded: it tells whether nft works.
  const looking = forwardObstacle(kernel, device, hints.subnets.map(parseCidr));
  const [, obstacle] = await allSettledOrFirst([delegate, looking]);
  if (obstacle === undefined || !isForwarded(request.config)) return;
  throw new CniError(
    ErrorCode.limitedConnectivity,
    `containers of network ${request.network} would not reach other hosts`,
    obstacle,
  );
}
