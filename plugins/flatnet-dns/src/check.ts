import { CniError, ErrorCode } from '@flatnet/cni';
import { differences } from '@flatnet/dns';
import type { CheckRequest } from '@flatnet/skel';
import type { DnsConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { wantedOf } from './zone.ts';

/** CHECK. The server answers with what ADD was asked for; changes nothing. @throws CniError code 102 that says what is wrong. */
export async function check(deps: Deps, request: CheckRequest<DnsConfig>): Promise<void> {
  const world = deps.world(request.signal);
  const { zone, entry } = wantedOf(world.kernel, request);
  const found = await differences(world, zone, entry);
  if (found.length === 0) return;
  throw new CniError(
    ErrorCode.checkFailed,
    `container ${entry.owner.containerId} is not found by its names on network ${zone.network}`,
    `${found.join('; ')}. A new ADD, or flatnetctl rules reload, serves them again`,
  );
}
