import { networkHash } from '@flatnet/cni';
import { dropGuard, ensureGuard, guardRemains, isPortGuarded } from '@flatnet/kernel';
import { isBeingCalled } from '../chain/calls.ts';
import { hostEndOf, hostLinks } from '../chain/life.ts';
import type { Survey } from '../ipam/survey.ts';
import type { World } from '../world.ts';
import { guardedPort, guardedTraces, type Guarded } from './guards.ts';

/** Guards the ports that should be and are not. @returns why one is still not guarded, by the mark of its attachment. */
export async function rebuildGuards(world: World, survey: Survey): Promise<ReadonlyMap<string, string>> {
  const guarded = guardedTraces(survey);
  const reasons = new Map<string, string>();
  if (guarded.length === 0) return reasons;
  const remains = await guardRemains(world.run);
  for (const each of guarded) {
    const { network, attachment, mark } = each.trace;
    if (isPortGuarded(remains, networkHash(network), hostEndOf(network, attachment))) continue;
    try {
      const why = await rebuildGuard(world, each);
      if (why !== undefined) reasons.set(mark, why);
    } catch (error) {
      reasons.set(mark, error instanceof Error ? error.message : String(error));
    }
  }
  return reasons;
}

/**
 * Story: DEL removes the guard, which is not there, and then the link; between the two the guard is made, and nobody would remove it.
 * So a call that is under way has its way, and the link is looked for once more afterwards.
 */
async function rebuildGuard(world: World, guarded: Guarded): Promise<string | undefined> {
  if (isBeingCalled(guarded.trace.attachment)) return 'a plugin is working for it at this moment: try again';
  const port = await guardedPort(world.run, guarded);
  if ('why' in port) return port.why;
  await ensureGuard(world.run, port);
  if (!hostLinks().has(port.hostVeth)) await dropGuard(world.run, port.tag, port.hostVeth);
  return undefined;
}
