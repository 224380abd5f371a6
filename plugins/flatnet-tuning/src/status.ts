import { CniError, ErrorCode } from '@flatnet/cni';
import type { StatusRequest } from '@flatnet/skel';
import type { TuningConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { refuseUnlisted } from './sysctls.ts';

/** STATUS. libc can be called, and the operator's list allows what the configuration sets. @throws CniError code 50 or 7. */
export async function status(deps: Deps, { config }: StatusRequest<TuningConfig>): Promise<void> {
  refuseUnlisted(config.sysctls, deps.allowlist());
  try {
    deps.sys();
  } catch (error) {
    const { message } = error as Error;
    throw new CniError(ErrorCode.notAvailable, 'flatnet-tuning cannot enter namespaces', message, { cause: error });
  }
}
