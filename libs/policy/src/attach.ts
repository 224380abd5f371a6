/** ADD: the attachment and its network have exactly these rules. */
import { changes } from './ruleset/changes.ts';
import { BASE } from './ruleset/base.ts';
import { chainOfNetwork } from './ruleset/names.ts';
import { elementId, isSameChain, isSameElement, NOTHING, together, type TableState } from './ruleset/table-state.ts';
import type { AttachmentRecord, NetworkRecord, WantedRules } from './folder.ts';
import type { Owner } from './model.ts';
import { detach } from './detach.ts';
import { askForPassage, zoneFor } from './foreign/index.ts';
import { change, isSurprise, readChains, unusedChains } from './kernel-table.ts';
import { isBaseWhole, rebuildTable } from './rebuild.ts';
import { settle } from './settle.ts';
import { NO_WAY, siblingsState, siblingsWay } from './siblings.ts';
import { stateOfAttachment, stateOfNetwork } from './wanted.ts';
import { locked, type World } from './world.ts';

/** What the attachment and its network had before an ADD. */
export interface Earlier {
  readonly network: NetworkRecord | undefined;
  readonly attachment: AttachmentRecord | undefined;
}

export const earlierOf = ({ folder }: World, owner: Owner): Earlier => ({
  network: folder.network(owner.networkHash),
  attachment: folder.attachments.read(owner),
});

/**
 * What was made when it fails is undone by `restore`.
 *
 * @returns what firewalls of other programs could not be asked for, in words.
 * @throws ToolError, RtnetlinkError, LockBusy; the system error of a file.
 */
export const attach = (world: World, wanted: WantedRules): Promise<readonly string[]> =>
  locked(world, async () => {
    const { folder, kernel } = world;
    const { network, ...own } = wanted;
    const { attachment } = own;
    const earlier = earlierOf(world, attachment.owner);
    folder.removeOtherBoots();
    const way = siblingsWay(kernel, network);
    const before = earlier.network?.siblings ?? NO_WAY;
    const others = othersOn(world, network);
    const siblings = siblingsState(kernel, network.bridge, way, others[0]?.siblings ?? before);
    const zones = [earlier.network, ...others].flatMap((each) => each?.zone ?? []);
    const zone = await zoneFor(kernel, network, zones[0]);
    const now: NetworkRecord = { version: 1, owner: attachment.owner, network, siblings, ...(zone && { zone }) };
    // The records come first: an ADD that is killed leaves what the next call can build or take away.
    folder.writeNetwork(now);
    const record: AttachmentRecord = { ...own, version: 1, owner: attachment.owner };
    folder.attachments.write(record);
    if (!(await addOnly(world, now, record, earlier))) await rebuildTable(world, network.hash);
    settle(world, now, before, record);
    return askForPassage(kernel, now);
  });

/** Of other networks on the same bridge: they know what it was before any changed it. */
const othersOn = ({ folder }: World, { bridge, hash }: WantedRules['network']): readonly NetworkRecord[] =>
  folder.networks().filter(({ network }) => network.bridge === bridge && network.hash !== hash);

/** The state from before an ADD that failed. @throws as `attach`. */
export async function restore(world: World, owner: Owner, { network, attachment: record }: Earlier): Promise<void> {
  if (network === undefined || record === undefined) return detach(world, owner);
  await attach(world, { network: network.network, ...record });
}

/**
 * One transaction that costs the same whatever else is in the table: what is known to be there is not looked at.
 *
 * @returns whether that was enough.
 */
async function addOnly(
  world: World,
  network: NetworkRecord,
  record: AttachmentRecord,
  earlier: Earlier,
): Promise<boolean> {
  const [ofNetwork, own] = [stateOfNetwork(network), stateOfAttachment(record, network)];
  const networkChain = chainOfNetwork(network.network.hash);
  const found = await readChains(world.kernel, ['forward', 'input', networkChain, ...own.chains.keys()]);
  if (!isBaseWhole(found)) return false;
  const isKnown = found.chains.has(networkChain);
  if (isKnown && !isSameNetwork(found, ofNetwork, networkChain)) return false;
  // The peers of new rules, and siblings that are listed from now on, are in other records.
  const isNew = [...own.chains.keys()].some((name) => !found.chains.has(name));
  const hasOthers = world.folder.attachments.names(network.network.hash).length > 1;
  if (hasOthers && (isNew || !isKnown)) return false;
  const before = beforeOf(earlier);
  const present = together(BASE, isKnown ? ofNetwork : NOTHING, differing(before, own), { ...found, sets: new Map() });
  const wanted = together(ofNetwork, own);
  const elements = [...before.elements.values()].filter((element) => !own.elements.has(elementId(element)));
  const chains = await unusedChains(world.kernel, before, own);
  try {
    await change(world.kernel, changes(withoutSets(present, ofNetwork, own), wanted, { elements, chains, sets: [] }));
    return true;
  } catch (error) {
    if (!isSurprise(error)) throw error;
    return false;
  }
}

/** Elements that lead elsewhere by now. The others are added again: a record of an ADD that was killed says nothing of the kernel. */
const differing = ({ elements }: TableState, wanted: TableState): TableState => ({
  ...NOTHING,
  elements: new Map(
    [...elements].filter(([id, element]) => {
      const now = wanted.elements.get(id);
      return now !== undefined && !isSameElement(element, now);
    }),
  ),
});

const isSameNetwork = (found: TableState, wanted: TableState, name: string): boolean => {
  const [one, other] = [found.chains.get(name), wanted.chains.get(name)];
  return one !== undefined && other !== undefined && isSameChain(one, other);
};

const beforeOf = ({ network, attachment }: Earlier): TableState =>
  network === undefined || attachment === undefined ? NOTHING : stateOfAttachment(attachment, network);

/** Sets are added again: that is no change where they are there. */
const withoutSets = (present: TableState, ...added: readonly TableState[]): TableState => ({
  ...present,
  sets: new Map([...present.sets].filter(([name]) => !added.some(({ sets }) => sets.has(name)))),
});
