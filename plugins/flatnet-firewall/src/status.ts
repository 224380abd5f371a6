import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import { isReady } from '@flatnet/policy';
import type { StatusRequest } from '@flatnet/skel';
import type { FirewallConfig } from './config.ts';
import type { Deps } from './deps.ts';

/** STATUS. The kernel has nf_tables, and this process may change them. @throws CniError code 50. */
export async function status(deps: Deps, { signal }: StatusRequest<FirewallConfig>): Promise<void> {
  try {
    await isReady(deps.world(signal));
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CniError(
      ErrorCode.notAvailable,
      'flatnet-firewall cannot keep networks apart',
      `${error.message}; run as root on a kernel with nf_tables`,
      { cause: error },
    );
  }
}
