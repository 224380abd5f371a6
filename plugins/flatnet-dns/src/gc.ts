import { attachmentHash, networkHash } from '@flatnet/cni';
import { collect } from '@flatnet/dns';
import type { GcRequest } from '@flatnet/skel';
import type { DnsConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** GC. Takes away names of attachments of this network that are not valid any more. Without the list nothing is touched. */
export async function gc(deps: Deps, request: GcRequest<DnsConfig>): Promise<void> {
  const { network, validAttachments } = request;
  if (validAttachments === undefined) return;
  const valid = new Set(validAttachments.map((attachment) => attachmentHash(network, attachment)));
  await named(`take away names of dead containers of network ${network}`, () =>
    collect(deps.world(request.signal), networkHash(network), valid),
  );
}
