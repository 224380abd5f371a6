import { CniError, ErrorCode } from '@flatnet/cni';
import { chainedResult, type CheckRequest } from '@flatnet/skel';
import { differences, TuningError } from '@flatnet/tuning';
import type { TuningConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';
import { isEmpty, tuningOf } from './tuning.ts';

/** CHECK. What ADD would set; changes nothing. @throws CniError code 102 that says what differs. */
export async function check(deps: Deps, request: CheckRequest<TuningConfig>): Promise<void> {
  const { attachment, netns } = request;
  const tuning = tuningOf(request, chainedResult(request, 'flatnet-tuning'));
  if (isEmpty(tuning)) return;
  const { ifName, containerId } = attachment;
  const found = named(`check ${ifName} of container ${containerId}`, () => {
    try {
      return differences(deps.sys(), { netns, ifName }, tuning);
    } catch (error) {
      if (error instanceof TuningError) return [error.message];
      throw error;
    }
  });
  if (found.length === 0) return;
  throw new CniError(
    ErrorCode.checkFailed,
    `${ifName} of container ${containerId} is not tuned as it should be`,
    `${found.join('; ')}. A new ADD sets it again`,
  );
}
