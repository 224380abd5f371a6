import { type AttachmentSurvey, type NetworkSurvey, survey } from '@flatnet/policy';
import type { World } from '../world.ts';
import { directionWords, networkWords } from './words.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface PolicyEntry {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** Of the network: isolation, and what comes in from outside. */
  readonly isolation: string;
  readonly ingress: string;
  readonly egress: string;
  /** The policies that hold: their names, or where they stand. */
  readonly policies: readonly string[];
  /** Those that the container asked for by name. */
  readonly picked: readonly string[];
  /** Packets that were refused, of all containers for which the same holds. */
  readonly refused: { readonly ingress?: number; readonly egress?: number };
  readonly state: 'ok' | 'missing';
  readonly missing: readonly string[];
}

/** All, those of a network, or those of a container by name, alias or id. @throws ToolError, RtnetlinkError. */
export async function listPolicies(
  { policies }: Pick<World, 'policies'>,
  which?: string,
): Promise<readonly PolicyEntry[]> {
  const networks = await survey(policies.open());
  const entries = networks.flatMap((network) => network.attachments.map((each) => entryOf(network, each)));
  if (which === undefined) return entries;
  const ofNetwork = entries.filter(({ network }) => network === which);
  if (ofNetwork.length > 0) return ofNetwork;
  return entries.filter(({ names, containerId }) => names.includes(which) || containerId.startsWith(which));
}

function entryOf({ record: { network } }: NetworkSurvey, { record, missing, refused }: AttachmentSurvey): PolicyEntry {
  const { owner, attachment, selected, picks } = record;
  const { names, addresses, verdicts } = attachment;
  return {
    ...{ network: owner.network, containerId: owner.containerId, ifName: owner.ifName, names, addresses },
    isolation: networkWords(network) || 'open',
    ...{ ingress: directionWords(verdicts.ingress), egress: directionWords(verdicts.egress) },
    ...{ policies: selected, picked: picks, refused },
    ...{ state: missing.length === 0 ? 'ok' : 'missing', missing },
  };
}
