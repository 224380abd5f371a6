/** DEL and GC: what belongs to attachments goes with them, and what belongs to a network with its last one. */
import { remove, table, type NftCommand } from '@flatnet/kernel';
import type { NetworkRecord } from './folder.ts';
import type { OwnerKey } from './model.ts';
import { endPassage } from './foreign/index.ts';
import { change, isSurprise, readChains, readTable, unusedChains } from './kernel-table.ts';
import { isBaseWhole, rebuildTable } from './rebuild.ts';
import { BASE } from './ruleset/base.ts';
import { changes, type Surplus } from './ruleset/changes.ts';
import { isNetworks, linksOf } from './ruleset/names.ts';
import {
  elementId,
  isSameChain,
  NOTHING,
  TABLE,
  targetsOf,
  type Element,
  type TableState,
} from './ruleset/table-state.ts';
import { settleAll } from './settle.ts';
import { releaseBridge, releasePort } from './siblings.ts';
import { stateOfAttachment } from './wanted.ts';
import { locked, type World } from './world.ts';

const TRIES = 4;

/** Removes all of an attachment; success when there is none. @throws ToolError, RtnetlinkError, LockBusy. */
export async function detach(world: World, owner: OwnerKey): Promise<void> {
  if (!(await hasAnything(world))) return;
  await locked(world, async () => {
    const { folder } = world;
    const record = folder.attachments.read(owner);
    const isLast = folder.attachments.names(owner.networkHash).length <= (record === undefined ? 0 : 1);
    if (record === undefined || isLast || !(await removeOwn(world, owner))) {
      await removeListed(world, owner.networkHash, (hash) => hash === owner.hash);
    }
    removeRecord(world, owner);
    await endNetwork(world, owner.networkHash);
  });
}

/** Whether there is a folder or a table; else there is nothing to lock. */
async function hasAnything({ folder, kernel }: World): Promise<boolean> {
  if (folder.exists()) return true;
  return (await readChains(kernel, ['forward'])).chains.size > 0;
}

/** By the record, at the same cost whatever else is in the table. @returns whether that was enough. */
async function removeOwn(world: World, owner: OwnerKey): Promise<boolean> {
  const [record, network] = [world.folder.attachments.read(owner), world.folder.network(owner.networkHash)];
  if (record === undefined || network === undefined) return false;
  if (!isBaseWhole(await readChains(world.kernel, ['forward', 'input']))) return false;
  const before = stateOfAttachment(record, network);
  const chains = await unusedChains(world.kernel, before, NOTHING);
  // An element that is not as it was recorded is another's by now: adding it first fails then.
  const commands = changes(NOTHING, { ...NOTHING, elements: before.elements }, NO_SURPLUS);
  const removal = changes(before, NOTHING, { elements: [...before.elements.values()], chains, sets: [] });
  try {
    await change(world.kernel, [...commands.filter((each) => !isTable(each)), ...removal]);
    return true;
  } catch (error) {
    if (!isSurprise(error)) throw error;
    return false;
  }
}

const NO_SURPLUS: Surplus = { elements: [], chains: [], sets: [] };
const isTable = ({ add: object }: NftCommand): boolean => object !== undefined && 'table' in object;

/**
 * By the owners that elements name: records are not needed. Where no attachment of the network is left, its own part goes too, and with
 * the last network the table.
 */
async function removeListed(world: World, networkHash: string, isGone: (hash: string) => boolean): Promise<void> {
  const { kernel, folder } = world;
  for (let left = TRIES; ; left -= 1) {
    const present = await readTable(kernel);
    if (present === undefined) return;
    const others = folder.attachments.names(networkHash).filter((hash) => !isGone(hash));
    try {
      await change(kernel, removal(present, networkHash, isGone, others.length > 0));
      return;
    } catch (error) {
      if (left <= 1 || !isSurprise(error)) throw error;
    }
  }
}

function removal(
  present: TableState,
  networkHash: string,
  isGone: (hash: string) => boolean,
  hasOthers: boolean,
): readonly NftCommand[] {
  const all = [...present.elements.values()];
  const links = linksOf(networkHash).name;
  const isOwned = ({ comment }: { readonly comment?: string }): boolean => comment !== undefined && isGone(comment);
  const anchors = all.filter(({ set, comment }) => set === links && comment !== networkHash);
  const isLast = !hasOthers && anchors.every(isOwned);
  const gone = all.filter((element) => isOwned(element) || (isLast && element.comment === networkHash));
  const goneIds = new Set(gone.map(elementId));
  const kept = all.filter((element) => !goneIds.has(elementId(element)));
  if (isLast && isIdle(present, kept)) return [remove(table(TABLE))];
  const used = new Set(kept.flatMap(({ verdict }) => targetsOf(verdict)));
  const chains = [...present.chains.keys()].filter((name) => isNetworks(name, networkHash) && !used.has(name));
  const goneChains = isLast ? chains : chains.filter((name) => !name.startsWith('n_'));
  return changes(present, NOTHING, { elements: gone, chains: goneChains, sets: idleSets(present, kept, goneChains) });
}

/** Sets of networks without an element that no rule looks into any more. */
function idleSets({ sets, chains }: TableState, kept: readonly Element[], gone: readonly string[]): readonly string[] {
  const filled = new Set(kept.map(({ set }) => set));
  const rules = [...chains.values()].filter(({ name }) => !gone.includes(name));
  const text = JSON.stringify(rules.map((chain) => chain.rules));
  return [...sets.keys()].filter(
    (name) => /^[lp]/.test(name) && !BASE.sets.has(name) && !filled.has(name) && !text.includes(`"@${name}"`),
  );
}

/** Whether no network is left, and nothing of another program or the operator. */
function isIdle({ chains, sets }: TableState, kept: readonly Element[]): boolean {
  const isForeignChain = [...chains.values()].some((chain) => {
    const base = BASE.chains.get(chain.name);
    return base === undefined ? !/^[nei]_/.test(chain.name) : chain.name === 'admin' && !isSameChain(chain, base);
  });
  const isForeignSet = [...sets.keys()].some((name) => !BASE.sets.has(name) && !/^[lp][46]?_/.test(name));
  return !isForeignChain && !isForeignSet && kept.every(({ set }) => set === 'private4' || set === 'private6');
}

function removeRecord({ kernel, folder }: World, owner: OwnerKey): void {
  const record = folder.attachments.read(owner);
  const way = folder.network(owner.networkHash)?.siblings.way;
  if (record !== undefined && way !== undefined) releasePort(kernel, record, way);
  folder.attachments.remove(owner);
}

/** The bridge as it was, and no record, where no attachment is left. */
async function endNetwork(world: World, hash: string): Promise<void> {
  const { folder } = world;
  const record = folder.network(hash);
  if (folder.attachments.names(hash).length === 0) {
    folder.removeNetwork(hash);
    if (record !== undefined) await leaveBridge(world, record);
  }
  folder.removeIfEmpty();
}

/** Of two networks on one bridge the last ADD spoke for it; from now on the one that is left does. */
async function leaveBridge(world: World, record: NetworkRecord): Promise<void> {
  const { network, siblings } = record;
  const { kernel, folder } = world;
  const heir = folder.networks().find((other) => other.network.bridge === network.bridge);
  releaseBridge(kernel, network.bridge, siblings);
  if (heir !== undefined) {
    await rebuildTable(world, heir.network.hash);
    return settleAll(world, heir.network.hash);
  }
  await endPassage(kernel, record);
}

/** Removes the attachments of a network that are not among `valid`. @throws ToolError, RtnetlinkError, LockBusy. */
export async function collect(world: World, networkHash: string, valid: ReadonlySet<string>): Promise<void> {
  if (!(await hasAnything(world))) return;
  await locked(world, async () => {
    const { folder, kernel } = world;
    const links = linksOf(networkHash).name;
    const listed = [...((await readTable(kernel)) ?? NOTHING).elements.values()]
      .filter(({ set, comment }) => set === links && comment !== networkHash)
      .flatMap(({ comment }) => comment ?? []);
    const gone = new Set([...listed, ...folder.attachments.names(networkHash)].filter((hash) => !valid.has(hash)));
    if (gone.size === 0) return endNetwork(world, networkHash);
    await removeListed(world, networkHash, (hash) => gone.has(hash));
    for (const hash of gone) removeRecord(world, { networkHash, hash });
    await endNetwork(world, networkHash);
  });
}
