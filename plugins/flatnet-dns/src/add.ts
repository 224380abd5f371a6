/** ADD. Invariant: refuse, arm, act, report. It returns when the name resolves. */
import type { AddResult } from '@flatnet/cni';
import { earlierOf, register, restore } from '@flatnet/dns';
import type { AddRequest, Rollback } from '@flatnet/skel';
import type { DnsConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';
import { wantedOf, withDns } from './zone.ts';

export async function add(deps: Deps, request: AddRequest<DnsConfig>, rollback: Rollback): Promise<AddResult> {
  const world = deps.world(request.signal);
  const wanted = wantedOf(world.kernel, request);
  const { zone, entry } = wanted;
  const doing = `give container ${entry.owner.containerId} its names on network ${zone.network}`;
  const earlier = earlierOf(world, entry.owner);
  rollback.arm('names', () => restore(deps.world(), entry.owner, earlier));
  await request.phase('names', () => named(doing, () => register(world, zone, entry)));
  return withDns(wanted);
}
