import { CniError, ErrorCode } from '@flatnet/cni';
import { missingParts, type Part } from '@flatnet/shaping';
import type { StatusRequest } from '@flatnet/skel';
import type { BandwidthConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

/** Modules of Linux by what they bring. */
const MODULES: Readonly<Record<Part, string>> = {
  tbf: 'sch_tbf',
  ifb: 'ifb',
  nft_fwd_netdev: 'nft_fwd_netdev',
  fq_codel: 'sch_fq_codel',
};
/** Without these, limits do not hold; without the others there is another way. */
const NEEDED: readonly Part[] = ['tbf', 'ifb'];

/** STATUS. The kernel is asked for what limits are made of. @throws CniError code 50 with the module to load. */
export async function status(deps: Deps, request: StatusRequest<BandwidthConfig>): Promise<void> {
  const missing = named('ask the kernel what it has', () => missingParts(deps.wire()));
  if (missing.length > 0) request.note(`the kernel lacks ${missing.join(', ')}`);
  const needed = missing.filter((part) => NEEDED.includes(part));
  if (needed.length === 0) return;
  const modules = needed.map((part) => MODULES[part]).join(' ');
  throw new CniError(
    ErrorCode.notAvailable,
    'flatnet-bandwidth cannot limit containers',
    `the kernel lacks ${needed.join(' and ')}; run: modprobe -a ${modules}`,
  );
}
