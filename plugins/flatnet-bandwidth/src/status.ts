import { CniError, ErrorCode } from '@flatnet/cni';
import { loading, missingParts, PARTS } from '@flatnet/shaping';
import type { StatusRequest } from '@flatnet/skel';
import type { BandwidthConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** STATUS. The kernel is asked for what limits are made of. @throws CniError code 50 with the module to load. */
export async function status(deps: Deps, request: StatusRequest<BandwidthConfig>): Promise<void> {
  const bySubnets = request.config.limits.exemption !== undefined;
  const missing = named('ask the kernel what it has', () => missingParts(deps.wire(), bySubnets));
  if (missing.length > 0) request.note(`the kernel lacks ${missing.join(', ')}`);
  const needed = missing.filter((part) => PARTS[part].isNeeded);
  if (needed.length === 0) return;
  throw new CniError(
    ErrorCode.notAvailable,
    'flatnet-bandwidth cannot limit containers',
    `the kernel lacks ${needed.join(' and ')}; run: ${loading(needed)}`,
  );
}
