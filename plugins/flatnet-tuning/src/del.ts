import { ownerOf } from '@flatnet/cni';
import type { DelRequest } from '@flatnet/skel';
import { restore } from '@flatnet/tuning';
import type { TuningConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** DEL. Puts back what the interface had, where its namespace is still there: the record alone tells. */
export async function del(deps: Deps, request: DelRequest<TuningConfig>): Promise<void> {
  const { network, attachment } = request;
  const records = deps.records();
  const owner = ownerOf(network, attachment);
  if (records.read(owner) === undefined) return records.remove(owner);
  named(`put back ${attachment.ifName} of container ${attachment.containerId}`, () =>
    restore(deps.sys(), records, owner),
  );
}
