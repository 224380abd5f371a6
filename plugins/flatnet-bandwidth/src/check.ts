import { CniError, ErrorCode, ownerOf } from '@flatnet/cni';
import { differences, endsOf, isLimited, limitsOf, ShapingError } from '@flatnet/shaping';
import { chainedResult, type CheckRequest } from '@flatnet/skel';
import { hostInterfacesOf } from './add.ts';
import type { BandwidthConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/**
 * CHECK. The queues, the ifb and what leads to it; limits that the operator has set since hold in place of the configuration's. Changes
 * nothing. @throws CniError code 102 that says what differs.
 */
export async function check(deps: Deps, request: CheckRequest<BandwidthConfig>): Promise<void> {
  const { config, network, attachment, netns } = request;
  const result = chainedResult(request, 'flatnet-bandwidth');
  const owner = ownerOf(network, attachment);
  const record = deps.records().read(owner);
  const limits = record?.override === undefined ? config.limits : limitsOf(record);
  if (!isLimited(limits)) return;
  const object = `${attachment.ifName} of container ${attachment.containerId}`;
  const wire = deps.wire();
  const found = named(`check the limits of ${object}`, () => {
    try {
      const ends = endsOf(wire, netns, attachment.ifName, hostInterfacesOf(result));
      return differences(wire, owner, ends, limits, record?.redirection);
    } catch (error) {
      if (error instanceof ShapingError) return [error.message];
      throw error;
    }
  });
  if (found.length === 0) return;
  throw new CniError(
    ErrorCode.checkFailed,
    `the limits of ${object} differ from what they should be`,
    `${found.join('; ')}. A new ADD, or flatnetctl rules reload, sets them again`,
  );
}
