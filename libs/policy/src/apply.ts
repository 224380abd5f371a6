/** The configuration of a network after its file was edited: all its containers follow, without a restart. */
import { attach } from './attach.ts';
import type { AttachmentRecord, WantedRules } from './folder.ts';
import { choose, type Settings } from './language/index.ts';
import { type Network, networkOf, type Place } from './model.ts';
import type { World } from './world.ts';

/** A container that picked a policy by a name that the network does not have any more. */
export interface Refused {
  readonly record: AttachmentRecord;
  readonly unknown: string;
}

/** What each attachment of the network would have, or why it cannot. Changes nothing. */
export function planApply(
  { folder }: World,
  networkHash: string,
  settings: Settings,
): readonly (WantedRules | Refused)[] {
  const { network } = folder.network(networkHash) ?? {};
  if (network === undefined) return [];
  return folder.attachments.all(networkHash).map((record) => {
    const { attachment, picks, owner } = record;
    const choice = choose(settings, owner.network, attachment.names, picks);
    if ('unknown' in choice) return { record, unknown: choice.unknown };
    const { verdicts, peers, selected } = choice;
    return {
      ...record,
      network: networkOf(settings, placeOf(network)),
      attachment: { ...attachment, verdicts, peers },
      selected,
    };
  });
}

const placeOf = ({ name, hash, bridge, firewalldZone, backend }: Network): Place => ({
  ...{ name, hash, bridge, firewalldZone },
  ...(backend === undefined ? {} : { backend }),
});

/** Carries a plan out, one attachment after the other. @throws as `attach`. */
export async function applyPlan(world: World, plan: readonly WantedRules[]): Promise<void> {
  for (const wanted of plan) await attach(world, wanted);
}
