/**
 * GC: drops what belongs to this network and to none of the valid attachments. Links first, then the delegate's leases, so that no
 * address is handed out while its old link lives. Another network's things are not even looked at.
 */
import { CniError, ErrorCode, networkHash } from '@flatnet/cni';
import { deleteLink, type Kernel, type Link } from '@flatnet/kernel';
import { removeListed } from '@flatnet/rules';
import { ToolError } from '@flatnet/exec';
import type { GcRequest } from '@flatnet/skel';
import type { FlatnetConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { failuresOf } from './failures.ts';
import { hostEndOf, isOf, listHostEnds } from './host-ends.ts';
import { attachmentNames } from './naming.ts';
import { dropIdleTables } from './rules.ts';

/** @throws CniError code 103 with everything that could not be removed. */
export async function gc(deps: Deps, request: GcRequest<FlatnetConfig>): Promise<void> {
  const { network, validAttachments, config } = request;
  const kernel = deps.kernel();
  const failures: unknown[] = [];
  if (validAttachments !== undefined) {
    const valid = new Set(validAttachments.map((attachment) => attachmentNames(network, attachment).hostVeth));
    const tag = networkHash(network);
    const collectRules = async (): Promise<void> => {
      await removeListed(
        kernel.nft,
        ({ maker, networkHash: of, attachment }) =>
          maker === 'flatnet' && of === tag && !valid.has(hostEndOf(attachment)),
        {
          network: { maker: 'flatnet', networkHash: tag },
          hostEnds: () => Promise.resolve(listHostEnds(kernel, network)),
        },
      );
    };
    const stale: Link[] = [];
    const look = (): void => {
      const links = kernel.rtnetlink.listLinks({ kind: 'veth' });
      stale.push(...links.filter((link) => isOf(network, link) && !valid.has(link.name)));
    };
    failures.push(...(await failuresOf([collectRules, look])));
    const deletions = stale.map(
      ({ name }) =>
        (): void =>
          deleteIfThere(kernel, name),
    );
    failures.push(...(await failuresOf(deletions)), ...(await failuresOf([() => dropIdleTables(kernel)])));
  }
  const { ipamType } = config;
  if (ipamType !== undefined) failures.push(...(await failuresOf([() => deps.delegateVerb('GC', ipamType, request)])));
  if (failures.length === 0) return;
  const words = failures.map((error) =>
    error instanceof CniError ? `${error.message}: ${error.details}` : String(error),
  );
  throw new CniError(
    ErrorCode.cleanupIncomplete,
    `GC of network ${network} went to the end, but not everything is gone`,
    words.join('; '),
  );
}

function deleteIfThere(kernel: Kernel, name: string): void {
  try {
    kernel.rtnetlink.change(`delete link ${name}`, [deleteLink(name)]);
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
  }
}
