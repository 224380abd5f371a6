import { ownerOf } from '@flatnet/cni';
import { detach } from '@flatnet/policy';
import type { DelRequest } from '@flatnet/skel';
import type { FirewallConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/**
 * DEL. What to remove is found by its owner, in the record or in the kernel: neither prevResult nor the netns nor the configuration is
 * needed, and success does not depend on anything being there.
 */
export async function del(deps: Deps, request: DelRequest<FirewallConfig>): Promise<void> {
  const { network, attachment, signal } = request;
  const doing = `remove the policies of network ${network} from container ${attachment.containerId}`;
  await request.phase('policies', () => named(doing, () => detach(deps.world(signal), ownerOf(network, attachment))));
}
