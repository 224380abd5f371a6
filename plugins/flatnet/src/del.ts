/**
 * DEL: rules and link, then the address, so that no address is handed out while its old link lives. Everything is found by names that
 * follow from the attachment; the netns is never looked at, so it may be gone, empty, or another container's by now.
 */
import { CniError, ErrorCode, networkHash } from '@flatnet/cni';
import type { Kernel } from '@flatnet/kernel';
import type { DelRequest } from '@flatnet/skel';
import type { FlatnetConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { attachmentNames, type AttachmentNames } from './naming.ts';
import { dropIdleTables, dropRules, isAlone } from './rules.ts';
import { dropSourceRules, hasSourceRules } from './source-table.ts';
import { disconnect } from './veth.ts';

/** @throws the failure; CniError code 103 when there are several. */
export async function del(deps: Deps, request: DelRequest<FlatnetConfig>): Promise<void> {
  const kernel = deps.kernel();
  const { network, config } = request;
  const names = attachmentNames(network, request.attachment);
  const failures: unknown[] = [];
  const step = async (work: Promise<unknown>): Promise<boolean> => {
    try {
      await work;
      return true;
    } catch (error) {
      failures.push(error);
      return false;
    }
  };
  const leaving = { ...names, network, config, tag: networkHash(network) };
  const wasAlone = isAlone(kernel, names.hostVeth);
  const areRulesGone = await step(request.phase('nft', () => dropRules(kernel, leaving)));
  const { netns } = request;
  if (netns !== undefined && hasSourceRules(kernel, names.hostVeth)) {
    await step(request.phase('rules', () => dropSourceRules(kernel, names.hostVeth, netns)));
  }
  const isLinkGone = await step(request.phase('veth', () => deleteLink(kernel, request, names)));
  if (areRulesGone && !wasAlone) await step(dropIdleTables(kernel));
  const { ipamType } = config;
  // A link that stays keeps its address.
  if (isLinkGone && ipamType !== undefined) {
    await step(request.phase('delegate', () => deps.delegateVerb('DEL', ipamType, request)));
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length === 0) return;
  const subject = 'DEL could not remove everything';
  throw new CniError(ErrorCode.cleanupIncomplete, subject, failures.map(String).join('; '));
}

/** A foreign link of that name stays as it is: this attachment's is gone, so its lease goes as well. */
function deleteLink(kernel: Kernel, request: DelRequest<FlatnetConfig>, names: AttachmentNames): void {
  if (disconnect(kernel, names) !== 'foreign') return;
  request.note(`link ${names.hostVeth} is not this attachment's and was left as it is`);
}
