import type { AddRequest, Rollback } from '@flatnet/skel';
import { claimNumber, isCreatedBy, type Created } from './claim.ts';
import type { FlatnetConfig } from './config.ts';
import type { Deps } from './deps.ts';
import type { Plan } from './plan.ts';
import { dropRules } from './rules.ts';
import { dropSourceRules, hasSourceRules } from './source-table.ts';
import { disconnect } from './veth.ts';

/** What this call of ADD has created so far, and hence may undo. */
export interface Made {
  readonly claim: number;
  link: Created;
  /** Whether the delegated plugin was asked, which happens only after the link was created. */
  lease: boolean;
  /** Whether nftables rules of the attachment were begun. */
  rules: boolean;
}

/**
 * Arms the undo in reverse: link, then lease; a link that stays keeps its address until the runtime's DEL. Two ADDs of one attachment
 * at once: the kernel creates the link for A and refuses it to B. B has asked no delegated plugin, and leaves A's link and lease alone.
 */
export function armUndo(deps: Deps, request: AddRequest<FlatnetConfig>, plan: Plan, rollback: Rollback): Made {
  const made: Made = { claim: claimNumber(), link: 'no', lease: false, rules: false };
  const { hostVeth, config } = plan;
  const { ipamType } = config;
  let linkStays = false;
  if (ipamType !== undefined) {
    rollback.arm('lease', async () => {
      if (made.lease && !linkStays) await deps.delegateVerb('DEL', ipamType, request);
    });
  }
  rollback.arm(`link ${hostVeth}`, async () => {
    if (made.link === 'no') return;
    linkStays = true;
    const kernel = deps.kernel();
    if (made.link === 'yes' || isCreatedBy(kernel, hostVeth, made.claim)) disconnect(kernel, plan);
    linkStays = false;
  });
  rollback.arm(`routing rules of ${plan.ifName}`, async () => {
    const kernel = deps.kernel();
    if (made.link === 'yes' && hasSourceRules(kernel, hostVeth)) dropSourceRules(kernel, hostVeth, request.netns);
  });
  rollback.arm(`nftables rules of ${hostVeth}`, async () => {
    const kernel = deps.kernel();
    if (made.rules) await dropRules(kernel, plan);
  });
  return made;
}
