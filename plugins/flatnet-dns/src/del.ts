import { ownerOf } from '@flatnet/cni';
import { unregister } from '@flatnet/dns';
import type { DelRequest } from '@flatnet/skel';
import type { DnsConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** DEL. The names go, and the server with the last ones of the network; dnsmasq need not be installed any more. */
export async function del(deps: Deps, request: DelRequest<DnsConfig>): Promise<void> {
  const { network, attachment } = request;
  const doing = `take away the names of container ${attachment.containerId} on network ${network}`;
  await request.phase('names', () =>
    named(doing, () => unregister(deps.world(request.signal), ownerOf(network, attachment))),
  );
}
