import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import { listNft } from '@flatnet/kernel';
import { nextStepOf, type StatusRequest } from '@flatnet/skel';
import type { PortmapConfig } from './config.ts';
import type { Deps } from './deps.ts';

/** STATUS. The kernel lets us look at nftables. @throws CniError code 50 with the cause and the next step. */
export async function status(deps: Deps, request: StatusRequest<PortmapConfig>): Promise<void> {
  try {
    await listNft(deps.kernel(request.signal).nft, { family: 'inet', table: 'flatnet_hostport', terse: true });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const next = nextStepOf(error) ?? 'look at it with: nft list ruleset';
    throw new CniError(
      ErrorCode.notAvailable,
      'flatnet-portmap cannot publish ports',
      `nftables: ${error.reason}; ${next}`,
    );
  }
}
