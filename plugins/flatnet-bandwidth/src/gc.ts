import { attachmentHash, networkHash } from '@flatnet/cni';
import { collect } from '@flatnet/shaping';
import type { GcRequest } from '@flatnet/skel';
import type { BandwidthConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** GC. Ends the limits of attachments of this network that are not valid any more. Without the list nothing is touched. */
export async function gc(deps: Deps, request: GcRequest<BandwidthConfig>): Promise<void> {
  const { network, validAttachments } = request;
  if (validAttachments === undefined) return;
  const valid = new Set(validAttachments.map((attachment) => attachmentHash(network, attachment)));
  named(`end the limits of dead containers of network ${network}`, () =>
    collect(deps.wire(), deps.records(), networkHash(network), valid),
  );
}
