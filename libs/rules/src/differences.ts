/** CHECK: the wanted rules against the tables as they are. Pure; changes nothing. */
import type { NftJson } from '@flatnet/kernel';
import { refersTo } from './expressions.ts';
import { BRIDGE, IN_USE, type BaseChain } from './layout.ts';
import { canonical, keyText, ownedBy, type Listing } from './listing.ts';
import { hasOldBase, isServedByLegacy } from './legacy.ts';
import { isEmpty, isSameOwner, type AttachmentRules } from './model.ts';
import { partsOf, withDevice, type Chain, type Element, type Part } from './wanted.ts';

export interface Differences {
  /** What ADD would make and is not there, in words; or is there with another content. */
  readonly missing: readonly string[];
  /** What is there of this attachment, and its configuration does not ask for. */
  readonly surplus: readonly string[];
}

const tableWords = ({ base }: Pick<Part, 'base'>): string => `table ${base.at.family} ${base.at.table}`;
const keyWords = (key: NftJson): string =>
  typeof key === 'object' && key !== null && 'concat' in key
    ? (key['concat'] as readonly string[]).join(' . ')
    : String(key);

/** @param listings both tables, as far as they exist. */
export function differencesOf(rules: AttachmentRules, listings: readonly Listing[]): Differences {
  const wanted = isEmpty(rules) ? [] : partsOf(rules);
  const missing: string[] = [];
  const surplus: string[] = [];
  for (const part of wanted) {
    const listing = listings.find(({ base }) => base === part.base);
    const isAnchorOnly = part.base.at.family !== BRIDGE.family && !hasInetRules(rules);
    if (listing === undefined) missing.push(...(isAnchorOnly ? [] : [tableWords(part)]));
    else if (part.base.at.family === BRIDGE.family || !isOldAttachment(rules, part, listing)) {
      missing.push(...missingBase(part, listing, rules), ...missingOf(part, listing, rules.device));
    }
  }
  for (const listing of listings) {
    const part = wanted.find(({ base }) => base === listing.base);
    surplus.push(...surplusOf(part, listing, rules));
  }
  return { missing, surplus };
}

const hasInetRules = ({ masquerade, clamped }: AttachmentRules): boolean =>
  masquerade !== undefined || clamped !== undefined;

/** Of version 0.1.0 there is no chain of the attachment, and its network's chains serve it. */
const isOldAttachment = (rules: AttachmentRules, { chains }: Part, listing: Listing): boolean =>
  !listing.chains.has(chains[0]?.name ?? '') && (isServedByLegacy(rules, listing) || !hasInetRules(rules));

function missingBase(part: Part, { chains }: Listing, { clamped }: AttachmentRules): readonly string[] {
  const lacking = ({ name, rules }: BaseChain): boolean => {
    const found = (chains.get(name) ?? []).map(canonical);
    return rules.some((rule) => !found.includes(canonical(rule)));
  };
  const [first, ...others] = part.base.chains;
  return [first, ...(clamped === undefined ? [] : others)]
    .filter((each): each is BaseChain => each !== undefined && lacking(each))
    .filter(() => !(part.base.at.family === BRIDGE.family && hasOldBase({ chains } as Listing)))
    .map(({ name }) => `rules of chain ${name} of ${tableWords(part)}`);
}

function missingOf(part: Part, listing: Listing, device: string | undefined): readonly string[] {
  const targets = new Map(listing.elements.map((element) => [keyText(element), element.target]));
  const isThere = (element: Element): boolean => {
    if (targets.get(keyText(element)) === element.target) return true;
    const other = device === undefined ? undefined : withDevice(element, device);
    return other !== undefined && targets.get(keyText(other)) === element.target;
  };
  return [
    ...part.chains
      .filter((chain) => !isSameContent(chain, listing.chains.get(chain.name)))
      .map(({ name }) =>
        listing.chains.has(name)
          ? `the rules of chain ${name} of ${tableWords(part)}`
          : `chain ${name} of ${tableWords(part)}`,
      ),
    ...part.elements
      .filter((element) => !isThere(element))
      .map(({ map, key, target }) => `element ${keyWords(key)} : jump ${target} of map ${map} of ${tableWords(part)}`),
  ];
}

/** The reference to `in_use` is no rule: version 0.1.0 had none. */
function isSameContent({ rules }: Chain, listed: readonly NftJson[] | undefined): boolean {
  if (listed === undefined) return false;
  const reference = canonical(refersTo(IN_USE));
  const texts = (each: readonly NftJson[]): string =>
    each
      .map(canonical)
      .filter((text) => text !== reference)
      .join('\n');
  return texts(rules) === texts(listed);
}

function surplusOf(part: Part | undefined, listing: Listing, { owner, device }: AttachmentRules): readonly string[] {
  const owned = ownedBy(listing, (other) => isSameOwner(other, owner));
  const elements = part?.elements ?? [];
  const moved = device === undefined ? [] : elements.flatMap((element) => withDevice(element, device) ?? []);
  const known = new Set([...elements, ...moved].map(keyText));
  const where = tableWords(listing);
  return [
    ...owned.elements
      .filter((element) => !known.has(keyText(element)))
      .map(({ map, key, target }) => `element ${keyWords(key)} : jump ${target} of map ${map} of ${where}`),
    ...owned.chains
      .filter((name) => part === undefined || !part.chains.some((chain) => chain.name === name))
      .map((name) => `chain ${name} of ${where}`),
  ];
}
