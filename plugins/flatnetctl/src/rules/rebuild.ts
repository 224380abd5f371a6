import { differencesOf, ensureRules, hostEndsIn, listTables, removeRules, type RuleOwner } from '@flatnet/rules';
import { realProc } from '@flatnet/kernel';
import { isBeingCalled } from '../chain/calls.ts';
import { hostEndOf, hostLinks } from '../chain/life.ts';
import type { Survey } from '../ipam/survey.ts';
import type { World } from '../world.ts';
import { wantedRules, type Wanted } from './wanted.ts';

/** Makes the rules of living attachments what they should be. @returns why some still are not, by kind and mark of the attachment. */
export async function rebuildRules(world: World, survey: Survey): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>();
  const listings = await listTables(world.kernel.nft);
  for (const each of await wantedRules(world.kernel, survey)) {
    const { mark } = each.trace;
    for (const [kind, why] of Object.entries(each.unknown)) reasons.set(`${kind} ${mark}`, why);
    const { missing, surplus } = differencesOf(each.rules, listings);
    if (missing.length + surplus.length === 0) continue;
    const why = await rebuild(world, each).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    if (why === undefined) continue;
    for (const kind of ['masquerade', 'guard', 'mss'])
      if (!reasons.has(`${kind} ${mark}`)) reasons.set(`${kind} ${mark}`, why);
  }
  return reasons;
}

/**
 * Story: DEL removes the rules, which are not there, and then the link; between the two the rules are made, and no call would remove
 * them. So a call that is under way has its way, and the link is looked for once more afterwards.
 */
async function rebuild(world: World, { trace, rules }: Wanted): Promise<string | undefined> {
  if (isBeingCalled(trace.attachment)) return 'a plugin is working for it at this moment: try again';
  await ensureRules(world.kernel.nft, rules, { isAlive: isAttached });
  const isMain = rules.owner.maker === 'flatnet';
  if (isMain && !hostLinks().has(hostEndOf(trace.network, trace.attachment)))
    await removeRules(world.kernel.nft, rules.owner);
  return undefined;
}

/** Behind another main plugin no name of a link tells, and unknown is alive. */
const isAttached = ({ maker, attachment }: RuleOwner): boolean =>
  maker !== 'flatnet' || hostEndsIn(realProc).includes(attachment);
