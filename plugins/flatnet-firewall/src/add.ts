/** ADD. Invariant: refuse, arm, act, report. A repeated ADD changes what differs, and holds from the next packet. */
import { type AddResult, ownerOf } from '@flatnet/cni';
import { attach, detach, earlierOf, restore } from '@flatnet/policy';
import type { AddRequest, Rollback } from '@flatnet/skel';
import type { FirewallConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';
import { wantedOf } from './wanted.ts';

/** @throws CniError code 7 for a configuration that means nothing, 11 when the lock is never free. */
export async function add(deps: Deps, request: AddRequest<FirewallConfig>, rollback: Rollback): Promise<AddResult> {
  const { network, attachment, signal } = request;
  const world = deps.world(signal);
  const { result, rules } = wantedOf(world.kernel, request);
  const owner = ownerOf(network, attachment);
  const doing = `apply the policies of network ${network} to container ${attachment.containerId}`;
  if (rules === undefined) {
    // An earlier ADD may have found a bridge.
    await named(doing, () => detach(world, owner));
    return result;
  }
  const earlier = earlierOf(world, owner);
  rollback.arm('policies', () => restore(deps.world(), owner, earlier));
  const notes = await request.phase('policies', () => named(doing, () => attach(world, rules)));
  if (notes.length > 0) request.note(notes.join('; '));
  return result;
}
