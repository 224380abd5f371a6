/**
 * Freeing what dead attachments left. Invariant: nothing of a living container is touched, whenever it came to life.
 *
 * Story: a report says that c1 is dead. Its runtime starts c1 again, with the same id. ADD finds the old lease and answers with it,
 * then makes the link; the lease still names the old namespace. So right before each DEL the attachment is looked at anew: a link, a
 * namespace, or a plugin at work for it means that it stays. Then DEL of the whole chain frees rules, link and address, in the order
 * in which a runtime would have done it. DEL names one attachment, so that no other ADD is in danger, which a GC with a list made
 * before it would be.
 */
import { networkHash } from '@flatnet/cni';
import { withdraw, type Records } from '@flatnet/hostport';
import { removeListed } from '@flatnet/rules';
import { openStore } from '@flatnet/store';
import { detach, networkOfCached } from '../chain/attachment.ts';
import { dropCached } from '../chain/cache.ts';
import { isBeingCalled } from '../chain/calls.ts';
import { contextOf } from '../chain/context.ts';
import { underAttachmentLock } from '../chain/operator-lock.ts';
import { delChain } from '../chain/run-chain.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { findingsOf, type Finding } from './findings.ts';
import { recordsOf, survey, type Subject, type Survey, type Trace } from './survey.ts';

/** What became of one finding. */
export interface Freed {
  readonly finding: Finding;
  readonly outcome: 'freed' | 'would free' | 'skipped' | 'failed';
  /** Why it was skipped or failed; empty when freed. */
  readonly reason: string;
}

/** Frees one finding if it still is as it says. Never throws for one attachment's sake: the others have their turn too. */
export async function freeFinding(world: World, places: Places, finding: Finding): Promise<Freed> {
  const skipped = (reason: string): Freed => ({ finding, outcome: 'skipped', reason });
  if (isBeingCalled(finding)) return skipped('a plugin is working for it at this moment');
  // A network without configuration can only be found by looking at all.
  const isConfigured = networksOf(places).files.some(({ network }) => network.name === finding.network);
  const now = await survey(world, places, isConfigured ? [finding.network] : [], { insideToo: false });
  const current = findingsOf(now).find((other) => isSame(finding, other));
  if (current === undefined) return skipped(whyGone(now, finding));
  try {
    await removeIt(world, places, now, current);
    return { finding, outcome: 'freed', reason: '' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { finding, outcome: 'failed', reason };
  }
}

const identity = ({ kind, network, mark, since, addresses }: Finding): string =>
  JSON.stringify([kind, network, mark, since, kind === 'unreadable-lease' ? addresses : []]);

/** Whether two findings are of one thing: the same lease of the same attachment. */
export const isSame = (one: Finding, other: Finding): boolean => identity(one) === identity(other);

function whyGone({ traces }: Survey, { mark }: Finding): string {
  const trace = traces.find((other) => other.mark === mark);
  if (trace === undefined) return 'it is gone already';
  return trace.life === 'alive' ? 'the container lives' : 'it is another one by now';
}

async function removeIt(world: World, places: Places, now: Survey, finding: Finding): Promise<void> {
  const subject = now.subjects.find(({ name }) => name === finding.network);
  const records = recordsOf(now.subjects);
  if (finding.kind === 'orphan-rules') return withdrawByMark(world, records, finding);
  if (finding.kind === 'unreadable-lease') {
    // Takes the store's own lock. Without a list of valid attachments no lease is released.
    if (subject !== undefined) await storeOf(subject).collect(undefined);
    return;
  }
  const trace = now.traces.find(({ mark }) => mark === finding.mark);
  if (trace !== undefined && subject !== undefined) await freeTrace(world, places, subject, trace, records);
}

/** DEL of the chain where there is one, then whatever it left: plugins that are not in the configuration any more. */
export async function freeTrace(
  world: World,
  places: Places,
  subject: Subject,
  trace: Trace,
  records: readonly Records[],
): Promise<void> {
  const context = contextOf(world, places);
  const { network, attachment, cached, published } = trace;
  const config = (cached === undefined ? undefined : networkOfCached(cached)) ?? subject.file?.network;
  if (config !== undefined && cached !== undefined) await detach(context, places.cacheDir, config, cached, '');
  else if (config !== undefined) {
    const cniArgs = [['IgnoreUnknown', '1']] as const;
    await underAttachmentLock(places.cacheDir, { network, ...attachment }, () =>
      delChain(context, config, { ...attachment, netns: '', cniArgs, capabilityArgs: {} }, undefined),
    );
  }
  storeOf(subject).release(attachment, false);
  if (published !== undefined) {
    for (const each of records) await withdraw(world.kernel.nft, each, published.record.owner);
  }
  dropCached(places.cacheDir, { network, ...attachment });
}

const storeOf = ({ name, storeFolder }: Subject) => openStore({ network: name, dataDir: storeFolder });

async function withdrawByMark(world: World, records: readonly Records[], finding: Finding): Promise<void> {
  const { network, containerId, ifName, mark: hash } = finding;
  // A name in the kernel has half of the digits that a record has.
  if (hash.length === 12) {
    await removeListed(world.kernel.nft, ({ attachment }) => attachment === hash);
    return;
  }
  const owner = { network, containerId, ifName, networkHash: networkHash(network), hash };
  await withdraw(world.kernel.nft, records[0] as Records, owner);
}
