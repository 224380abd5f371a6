/** Makes the table what the records say, whatever is in it. */
import { changes, type Surplus } from './ruleset/changes.ts';
import { isNetworks } from './ruleset/names.ts';
import {
  type Chain,
  elementId,
  isSameChain,
  isSameElement,
  NOTHING,
  TABLE,
  targetsOf,
  type TableState,
} from './ruleset/table-state.ts';
import { change, isSurprise, readTable } from './kernel-table.ts';
import { ownersIn, type Scope, scopeOf, wantedOf } from './wanted.ts';
import type { NetworkRecord, WantedRules } from './folder.ts';
import { askForPassage, lostPassage, zoneFor } from './foreign/index.ts';
import { siblingDifferences, siblingsWay } from './siblings.ts';
import { settleAll } from './settle.ts';
import { BASE, HOOKS } from './ruleset/base.ts';
import { locked, type World } from './world.ts';

const TRIES = 4;

/** Whether the ways into the table are as they should be: a flush takes them. */
export const isBaseWhole = ({ chains }: TableState): boolean =>
  HOOKS.every((name) => {
    const found = chains.get(name);
    return found !== undefined && isSameChain(found, BASE.chains.get(name) as Chain);
  });

/**
 * Makes the part of a network, and of all where the base was lost. What has no record is left as it is: it may be of a container whose
 * record was lost. @throws ToolError.
 */
export async function rebuildTable(world: World, networkHash?: string): Promise<void> {
  for (let left = TRIES; ; left -= 1) {
    const present = (await readTable(world.kernel)) ?? NOTHING;
    const scope = scopeOf(world.folder, isBaseWhole(present) ? networkHash : undefined);
    const wanted = wantedOf(scope);
    try {
      await change(world.kernel, changes(present, withAdmin(wanted, present), surplusOf(present, wanted, scope)));
      return;
    } catch (error) {
      if (left <= 1 || !isSurprise(error)) throw error;
    }
  }
}

/** The operator's chain keeps its rules. */
function withAdmin(wanted: TableState, present: TableState): TableState {
  const admin = present.chains.get('admin');
  return admin === undefined ? wanted : { ...wanted, chains: new Map([...wanted.chains, ['admin', admin]]) };
}

function surplusOf(present: TableState, wanted: TableState, scope: Scope): Surplus {
  const owners = ownersIn(scope);
  const elements = [...present.elements.values()].filter(
    (element) => owners.has(element.comment ?? '') && !wanted.elements.has(elementId(element)),
  );
  const gone = new Set(elements.map(elementId));
  const kept = [...present.elements.values()].filter((element) => !gone.has(elementId(element)));
  const used = new Set([...kept, ...wanted.elements.values()].flatMap(({ verdict }) => targetsOf(verdict)));
  const chains = [...present.chains.keys()].filter(
    (name) =>
      !wanted.chains.has(name) &&
      !used.has(name) &&
      scope.networks.some(({ network }) => isNetworks(name, network.hash)),
  );
  return { elements, chains, sets: [] };
}

/** What of a network differs from the records, in words. */
export interface Rebuilt {
  readonly network: string;
  readonly lost: readonly string[];
}

/** What of the networks' rules is not as it should be. Changes nothing. @throws ToolError, RtnetlinkError. */
export async function lostRules(world: World, networkHash?: string): Promise<readonly Rebuilt[]> {
  const all = scopeOf(world.folder, networkHash);
  if (all.networks.length === 0) return [];
  const present = (await readTable(world.kernel)) ?? NOTHING;
  const passages = await Promise.all(all.networks.map((record) => lostPassage(world.kernel, record)));
  return all.networks.flatMap((record, index) => {
    const attachments = all.attachments.filter(({ owner }) => owner.networkHash === record.network.hash);
    const lost = [
      ...tableDifferences(present, { networks: [record], attachments }),
      ...attachments.flatMap((each) => siblingDifferences(world.kernel, each, record.siblings.way)),
      ...(passages[index] ?? []),
    ];
    return lost.length === 0 ? [] : [{ network: record.network.name, lost: [...new Set(lost)] }];
  });
}

/**
 * What of an attachment and its network is not as it should be: as its last ADD, or the operator since, wanted it, or else as `wanted`.
 * Changes nothing. @throws ToolError, RtnetlinkError.
 */
export async function differences(
  { kernel, folder }: World,
  { network, ...wanted }: WantedRules,
): Promise<readonly string[]> {
  const { owner } = wanted.attachment;
  const way = siblingsWay(kernel, network);
  const ofNetwork = folder.network(network.hash) ?? { version: 1, owner, network, siblings: { way } };
  const own = folder.attachments.read(owner) ?? { version: 1, owner, ...wanted };
  const present = (await readTable(kernel)) ?? NOTHING;
  return [
    ...tableDifferences(present, { networks: [ofNetwork], attachments: [own] }),
    ...siblingDifferences(kernel, own, ofNetwork.siblings.way),
    ...(await lostPassage(kernel, ofNetwork)),
  ];
}

/** Differences of a scope in words. */
export function tableDifferences(present: TableState, scope: Scope): readonly string[] {
  const where = `table ${TABLE.family} ${TABLE.table}`;
  if (present.chains.size === 0) return [where];
  const wanted = wantedOf(scope);
  const owners = ownersIn(scope);
  return [
    ...[...wanted.sets.keys()].filter((name) => !present.sets.has(name)).map((name) => `set ${name} of ${where}`),
    ...[...wanted.chains.values()].flatMap((chain) => {
      const found = present.chains.get(chain.name);
      if (found === undefined) return [`chain ${chain.name} of ${where}`];
      return chain.name === 'admin' || isSameChain(found, chain)
        ? []
        : [`the rules of chain ${chain.name} of ${where}`];
    }),
    ...[...wanted.elements.values()].flatMap((element) => {
      const found = present.elements.get(elementId(element));
      if (found !== undefined && isSameElement(found, element)) return [];
      return [`element ${keyWords(element.key)} of ${element.set} of ${where}`];
    }),
    ...[...present.elements.values()]
      .filter((element) => owners.has(element.comment ?? '') && !wanted.elements.has(elementId(element)))
      .map(({ set, key }) => `element ${keyWords(key)} of ${set} of ${where}, which nothing asks for`),
  ];
}

const keyWords = (key: unknown): string => {
  const parts = typeof key === 'object' && key !== null && 'concat' in key ? (key.concat as readonly unknown[]) : [key];
  return parts
    .map((part) => (typeof part === 'string' || typeof part === 'number' ? String(part) : JSON.stringify(part)))
    .join(' . ');
};

/** Makes the rules and bridges of the networks again, after they were lost. @returns what was lost. @throws ToolError, RtnetlinkError. */
export const rebuild = (world: World, networkHash?: string): Promise<readonly Rebuilt[]> =>
  locked(world, async () => {
    const lost = await lostRules(world, networkHash);
    if (lost.length === 0) return lost;
    await rebuildTable(world, networkHash);
    settleAll(world, networkHash);
    for (const record of scopeOf(world.folder, networkHash).networks) await passAgain(world, record);
    return lost;
  });

/** Another firewall may have come since the ADD. */
async function passAgain({ kernel, folder }: World, record: NetworkRecord): Promise<void> {
  const zone = await zoneFor(kernel, record.network, record.zone);
  const now = { ...record, ...(zone && { zone }) };
  folder.writeNetwork(now);
  await askForPassage(kernel, now);
}
