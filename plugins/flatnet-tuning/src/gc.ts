import { attachmentHash, networkHash } from '@flatnet/cni';
import type { GcRequest } from '@flatnet/skel';
import { collect } from '@flatnet/tuning';
import type { TuningConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** GC. Does DEL's work for attachments of this network that are not valid any more. Without the list nothing is touched. */
export async function gc(deps: Deps, request: GcRequest<TuningConfig>): Promise<void> {
  const { network, validAttachments } = request;
  if (validAttachments === undefined) return;
  const valid = new Set(validAttachments.map((attachment) => attachmentHash(network, attachment)));
  named(`put back interfaces of dead containers of network ${network}`, () =>
    collect(deps.sys(), deps.records(), networkHash(network), valid),
  );
}
