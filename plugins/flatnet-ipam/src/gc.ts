import { ErrorCode } from '@flatnet/cni';
import { runAll, throwFailures, type GcRequest } from '@flatnet/skel';
import type { Config } from './config.ts';
import { withStore } from './failure.ts';
import { storeOf } from './request.ts';

/**
 * Releases every lease of this network whose attachment is not in `cni.dev/valid-attachments` (spec, "GC"); without that key none. In
 * both cases what crashed calls left is removed.
 */
export const gc = async (request: GcRequest<Config>): Promise<void> => {
  await withStore('collect leases', async () => {
    const store = storeOf(request);
    const { importFrom } = request.config.store;
    // A folder of host-local that cannot be read keeps no lease of ours from being collected.
    const failures = await runAll([
      ...(importFrom === undefined ? [] : [() => store.importFrom(importFrom)]),
      () => store.collect(request.validAttachments),
    ]);
    throwFailures(
      failures,
      ErrorCode.cleanupIncomplete,
      `GC could not collect all leases of network ${request.network}`,
    );
  });
};
