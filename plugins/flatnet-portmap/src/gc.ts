import { attachmentHash, ErrorCode, networkHash } from '@flatnet/cni';
import { collect } from '@flatnet/hostport';
import { runAll, throwFailures, type GcRequest } from '@flatnet/skel';
import type { PortmapConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { collectOutbound } from './outbound.ts';

/** GC. Withdraws what attachments of this network publish that are not valid any more. Without the list nothing is touched. */
export async function gc(deps: Deps, request: GcRequest<PortmapConfig>): Promise<void> {
  const { config, network, validAttachments } = request;
  if (validAttachments === undefined) return;
  const valid = new Set(validAttachments.map((attachment) => attachmentHash(network, attachment)));
  const { nft } = deps.kernel();
  const hash = networkHash(network);
  const failures = await runAll([
    () => collect(nft, deps.records(config.dataDir), { networkHash: hash }, valid),
    () => collectOutbound(nft, hash, valid),
  ]);
  throwFailures(failures, ErrorCode.cleanupIncomplete, `GC of network ${network} could not remove everything`);
}
