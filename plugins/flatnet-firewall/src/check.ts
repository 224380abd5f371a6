import { CniError, ErrorCode } from '@flatnet/cni';
import { differences } from '@flatnet/policy';
import type { CheckRequest } from '@flatnet/skel';
import type { FirewallConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { wantedOf } from './wanted.ts';

/**
 * CHECK. The rules of the attachment and of its network are there, and no others of theirs. Changes nothing.
 *
 * @throws CniError code 102 that says what differs.
 */
export async function check(deps: Deps, request: CheckRequest<FirewallConfig>): Promise<void> {
  const { network, attachment, signal } = request;
  const world = deps.world(signal);
  const { rules } = wantedOf(world.kernel, request);
  if (rules === undefined) return;
  const found = await differences(world, rules);
  if (found.length === 0) return;
  throw new CniError(
    ErrorCode.checkFailed,
    `the rules of container ${attachment.containerId} on network ${network} differ from what they should be`,
    `${found.join('; ')}. A new ADD, or flatnetctl rules reload, makes them again`,
  );
}
