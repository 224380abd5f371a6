/**
 * ADD: the attachment has exactly these rules, whatever was there before.
 *
 * One transaction adds chain and elements; then the base chain is listed, which shows a flush. Where it fails, something of the attachment
 * or of the base is there that should not be, or is not there that should: then a listing tells what, and one transaction mends it.
 */
import { applyNft, listNft, type ApplyOptions, type NftCommand, type NftObject, type Nft } from '@flatnet/kernel';
import { isKind } from './errors.ts';
import { BRIDGE_BASE, firstChain, ownerOfChain, type Base, type BaseChain } from './layout.ts';
import { canonical, keyText, listTable, ownedBy, type Listing } from './listing.ts';
import { hostEndOf, isEmpty, isSameOwner, type AttachmentRules, type RuleOwner } from './model.ts';
import { removeRules } from './remove.ts';
import { buildBase, createPart, deleteChains, deleteElements } from './render.ts';
import { partsOf, withDevice, type Element, type Part } from './wanted.ts';

export interface EnsureOptions extends ApplyOptions {
  /** Whether other attachments are expected to have rules: only decides what is tried first. */
  readonly isFirst?: boolean;
  /** Whether the attachment that has an address which is this one's now is alive. Unknown is alive. */
  readonly isAlive: (owner: RuleOwner) => boolean;
}

const TRIES = 4;

/** @throws ToolError. */
export async function ensureRules(nft: Nft, rules: AttachmentRules, options: EnsureOptions): Promise<void> {
  const named = { doing: `set up the rules of ${hostEndOf(rules.owner)}`, ...options };
  if (isEmpty(rules)) return removeRules(nft, rules.owner, { ...named, expected: 'nothing' });
  const outcomes = await Promise.allSettled(partsOf(rules).map((part) => ensurePart(nft, rules, part, named)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  // Something of an earlier life was there: it may have had rules in a table that this one has nothing in.
  const isReplaced = outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value === 'replaced');
  if (isReplaced && rules.antiSpoof === undefined) await removeFrom(nft, BRIDGE_BASE, rules.owner, named);
}

async function ensurePart(
  nft: Nft,
  rules: AttachmentRules,
  part: Part,
  options: EnsureOptions,
): Promise<'created' | 'replaced'> {
  const { at } = part.base;
  try {
    if (options.isFirst === true) {
      await applyNft(nft, [...buildBase(part.base), ...createPart(part)], options);
      return 'created';
    }
    const { name } = firstChain(part.base);
    await applyNft(nft, createPart(part), options);
    const printed = await listNft(nft, { ...at, chain: name }, options);
    if (printed !== undefined && (await isBaseWhole(nft, part, printed, options))) return 'created';
    await applyNft(nft, buildBase(part.base), options);
    return 'created';
  } catch (error) {
    if (!isKind(error, 'not-found', 'exists', 'failed')) throw error;
    await replacePart(nft, rules, part, options);
    return 'replaced';
  }
}

/** The other base chain of the table is needed only where segments are clamped. */
async function isBaseWhole(
  nft: Nft,
  { base, chains }: Part,
  printed: readonly NftObject[],
  options: ApplyOptions,
): Promise<boolean> {
  const [first, ...others] = base.chains;
  if (first === undefined || !isChainWhole(first, printed)) return false;
  if (chains.length === 1) return true;
  for (const other of others) {
    const listed = await listNft(nft, { ...base.at, chain: other.name }, options);
    if (listed === undefined || !isChainWhole(other, listed)) return false;
  }
  return true;
}

const isChainWhole = ({ name, rules }: BaseChain, objects: readonly NftObject[]): boolean => {
  const found = objects.flatMap((object) => {
    const rule = object['rule'] as NftObject | undefined;
    return rule?.['chain'] === name ? [canonical(rule['expr'] ?? [])] : [];
  });
  return rules.every((rule) => found.includes(canonical(rule)));
};

/** Base anew, everything of the attachment anew. Repeated while other commands change the table at the same time. */
async function replacePart(nft: Nft, rules: AttachmentRules, part: Part, options: EnsureOptions): Promise<void> {
  for (let left = TRIES; ; left -= 1) {
    const listing = await listTable(nft, part.base, options);
    const commands = [
      ...(listing === undefined ? [] : removalOf(listing, rules.owner)),
      ...buildBase(part.base),
      ...(listing === undefined ? createPart(part) : takeOver(listing, rules, part, options.isAlive)),
    ];
    try {
      await applyNft(nft, commands, options);
      return;
    } catch (error) {
      if (left <= 1 || !isKind(error, 'not-found', 'exists', 'busy')) throw error;
    }
  }
}

async function removeFrom(nft: Nft, base: Base, owner: RuleOwner, options: ApplyOptions): Promise<void> {
  const listing = await listTable(nft, base, options);
  if (listing !== undefined) await applyNft(nft, removalOf(listing, owner), options);
}

/** Everything of an owner in a table. */
function removalOf(listing: Listing, owner: RuleOwner): readonly NftCommand[] {
  const owned = ownedBy(listing, (other) => isSameOwner(other, owner));
  return [...deleteElements(listing.base.at, owned.elements), ...deleteChains(listing.base.at, owned.chains)];
}

/** Creates the part; a key that a dead attachment still has is taken over, one of a living attachment is left to it. */
function takeOver(
  listing: Listing,
  { owner, device }: AttachmentRules,
  part: Part,
  isAlive: EnsureOptions['isAlive'],
): readonly NftCommand[] {
  const holders = new Map(listing.elements.map((element) => [keyText(element), element]));
  const dead: Element[] = [];
  const wanted = part.elements.flatMap((element): readonly Element[] => {
    const holder = holders.get(keyText(element));
    const other = holder === undefined ? undefined : ownerOfChain(holder.target);
    if (holder === undefined || (other !== undefined && isSameOwner(other, owner))) return [element];
    if (other === undefined || !isAlive(other)) {
      dead.push(holder);
      return [element];
    }
    const own = device === undefined ? undefined : withDevice(element, device);
    return own === undefined || holders.has(keyText(own)) ? [] : [own];
  });
  return [...deleteElements(part.base.at, dead), ...createPart({ ...part, elements: wanted })];
}
