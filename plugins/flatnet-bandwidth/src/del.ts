import { ownerOf } from '@flatnet/cni';
import { unlimit } from '@flatnet/shaping';
import type { DelRequest } from '@flatnet/skel';
import type { BandwidthConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/**
 * DEL. What to remove is found by names in the kernel: neither runtimeConfig nor prevResult nor the netns is needed, and success does not
 * depend on anything being there.
 */
export async function del(deps: Deps, request: DelRequest<BandwidthConfig>): Promise<void> {
  const { network, attachment } = request;
  const doing = `end the limits of ${attachment.ifName} of container ${attachment.containerId}`;
  await request.phase('unshape', async () =>
    named(doing, () => unlimit(deps.wire(), deps.records(), ownerOf(network, attachment))),
  );
}
