/**
 * DEL and GC: what is there goes, whatever the configuration says now.
 *
 * DEL guesses: it deletes the elements of the addresses that it was told of, and then the attachment's chain. The kernel refuses the whole
 * transaction while any other element refers to that chain; only then, or where the chain does not exist, a listing tells what there is.
 */
import { add, applyNft, chain, listNft, remove, type ApplyOptions, type NftCommand, type Nft } from '@flatnet/kernel';
import { isKind } from './errors.ts';
import { anchorMap, BRIDGE, chainOf, clampedMap, IN_USE, INET, ownerOfChain, PORTS, sourceMap } from './layout.ts';
import { legacyRemoval, type HostEnds, type LegacyPart } from './legacy.ts';
import { canonical, listTables, ownedBy, type Listing, type Owned } from './listing.ts';
import { familyOf, hostEndOf, isSameOwner, type RuleOwner } from './model.ts';
import { deleteChains, deleteElements, deleteTable } from './render.ts';

export interface RemoveOptions extends ApplyOptions {
  /** What the configuration asks for now. A hint: it decides what is tried first. */
  readonly expected?: 'nothing' | { readonly antiSpoof: boolean; readonly clamped: boolean };
  /** Addresses of the result of ADD. A hint. */
  readonly addresses?: readonly string[];
  /** Whether no other attachment is known on this host: then the tables go too, if nothing else is in them. */
  readonly isLast?: boolean;
  /** Host ends of the network that exist, for rules of version 0.1.0. */
  readonly hostEnds?: HostEnds;
}

const TRIES = 4;
const NEITHER = { antiSpoof: false, clamped: false };

/** Removes every rule of an attachment; success when there is none. @throws ToolError. */
export async function removeRules(nft: Nft, owner: RuleOwner, options: RemoveOptions = {}): Promise<void> {
  const named = { doing: `remove the rules of ${hostEndOf(owner)}`, ...options };
  const { expected, isLast } = options;
  if (isLast !== true && expected === 'nothing') {
    // The kernel waits for all its processors before it answers a transaction that it refuses; a question costs nothing.
    if ((await listNft(nft, { ...INET, chain: chainOf(owner, 'main') }, named)) === undefined) return;
  } else if (isLast !== true) {
    try {
      await applyNft(nft, guess(owner, options), { ...named, isGuess: true });
      return;
    } catch (error) {
      if (!isKind(error, 'not-found', 'exists', 'busy')) throw error;
    }
  }
  await removeListed(nft, (other) => isSameOwner(owner, other), { ...named, network: owner });
}

function guess(owner: RuleOwner, { expected, addresses = [] }: RemoveOptions): readonly NftCommand[] {
  const [main, clamp, port] = [chainOf(owner, 'main'), chainOf(owner, 'clamp'), chainOf(owner, 'port')];
  const { antiSpoof, clamped } = expected === undefined || expected === 'nothing' ? NEITHER : expected;
  const key = hostEndOf(owner);
  return [
    ...deleteElements(INET, [
      ...addresses.map((address) => ({ map: sourceMap(owner.maker, familyOf(address)), key: address, target: main })),
      ...(clamped
        ? addresses.map((address) => ({ map: clampedMap(familyOf(address)), key: address, target: clamp }))
        : []),
      ...(clamped ? [{ map: anchorMap('clamp'), key, target: main }] : []),
      ...(antiSpoof ? [{ map: anchorMap('port'), key, target: main }] : []),
    ]),
    ...deleteChains(INET, clamped ? [main, clamp] : [main]),
    ...(antiSpoof
      ? [...deleteElements(BRIDGE, [{ map: PORTS, key, target: port }]), ...deleteChains(BRIDGE, [port])]
      : []),
  ];
}

const NOTHING: LegacyPart = { chains: [], maps: [], commands: [] };

export interface ListedOptions extends ApplyOptions {
  /** The network that attachments leave, for rules of version 0.1.0. */
  readonly network?: Pick<RuleOwner, 'maker' | 'networkHash'>;
  readonly hostEnds?: HostEnds;
}

/**
 * Removes what belongs to the owners that `isGone` picks, then what nothing refers to any more: rules that version 0.1.0 made for the
 * network, and tables without an attachment.
 *
 * @returns whose rules were removed.
 */
export async function removeListed(
  nft: Nft,
  isGone: (owner: RuleOwner) => boolean,
  options: ListedOptions = {},
): Promise<readonly RuleOwner[]> {
  for (let left = TRIES; ; left -= 1) {
    const listings = await listTables(nft, options);
    const removed = new Map<string, RuleOwner>();
    const commands: NftCommand[] = [];
    const legacy = await legacyRemoval(listings, isGone, options);
    for (const listing of listings) {
      const owned = ownedBy(listing, isGone);
      for (const name of owned.chains) {
        const owner = ownerOfChain(name);
        if (owner !== undefined) removed.set(`${owner.maker} ${owner.attachment}`, owner);
      }
      const old = legacy.get(listing) ?? NOTHING;
      const own = [...deleteElements(listing.base.at, owned.elements), ...deleteChains(listing.base.at, owned.chains)];
      const isEmptyNow = isIdle(listing, owned, old);
      commands.push(...own, ...(isEmptyNow ? deleteTable(listing.base.at, presentBase(listing)) : old.commands));
    }
    try {
      await applyNft(nft, commands, options);
      return [...removed.values()];
    } catch (error) {
      if (left <= 1 || !isKind(error, 'not-found', 'exists', 'busy')) throw error;
    }
  }
}

/** Whether nothing would be left but what every attachment needs: no other attachment, and nothing foreign. */
function isIdle({ base, chains, maps }: Listing, gone: Owned, old: LegacyPart): boolean {
  const ours = new Map(base.chains.map(({ name, rules }) => [name, rules.map(canonical)]));
  const foreignChain = [...chains].some(([name, rules]) => {
    if (gone.chains.includes(name) || old.chains.includes(name)) return false;
    const known = name === IN_USE ? [] : ours.get(name);
    return known === undefined || rules.some((rule) => !known.includes(canonical(rule)));
  });
  const foreignMap = [...maps].some((name) => !(name in base.maps) && !old.maps.includes(name));
  return !foreignChain && !foreignMap;
}

const presentBase = ({ base, chains }: Listing): readonly string[] =>
  [IN_USE, ...base.chains.map(({ name }) => name)].filter((name) => chains.has(name));

/** Deletes the tables that nothing is in. For the end of the last attachment. @throws ToolError. */
export async function removeIdleTables(nft: Nft, options: ApplyOptions = {}): Promise<void> {
  if (await isInUse(nft, options)) return;
  await removeListed(nft, () => false, { doing: 'remove tables that nothing uses', ...options });
}

/** The kernel's own count of references tells, at the same cost however many attachments there are. */
async function isInUse(nft: Nft, options: ApplyOptions): Promise<boolean> {
  const again = [remove(chain(INET, IN_USE)), add(chain(INET, IN_USE))];
  try {
    await applyNft(nft, again, { doing: 'look whether rules are in use', ...options, isGuess: true });
    return false;
  } catch (error) {
    if (!isKind(error, 'busy', 'not-found')) throw error;
    return isKind(error, 'busy');
  }
}
