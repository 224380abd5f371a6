import { attachmentHash, networkHash } from '@flatnet/cni';
import { collect } from '@flatnet/policy';
import type { GcRequest } from '@flatnet/skel';
import type { FirewallConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** GC. Removes rules of attachments of this network that are not valid any more. Without the list nothing is touched. */
export async function gc(deps: Deps, request: GcRequest<FirewallConfig>): Promise<void> {
  const { network, validAttachments } = request;
  if (validAttachments === undefined) return;
  const valid = new Set(validAttachments.map((attachment) => attachmentHash(network, attachment)));
  await named(`remove the policies of dead containers of network ${network}`, () =>
    collect(deps.world(request.signal), networkHash(network), valid),
  );
}
