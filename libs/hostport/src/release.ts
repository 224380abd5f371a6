/** Giving back elements in the kernel, and the chains that nothing refers to then. */
import { ToolError } from '@flatnet/exec';
import { type ApplyOptions, applyNft, type NftObject, type Nft } from '@flatnet/kernel';
import type { Owner } from './model.ts';
import { type OwnedElement, listElements, type Listing } from './owners.ts';
import { type Entry, isContentChain, release, releaseAsListed, removeChains } from './ruleset.ts';

const ATTEMPTS = 4;

export const isKind = (error: unknown, ...kinds: readonly ToolError['kind'][]): error is ToolError =>
  error instanceof ToolError && kinds.includes(error.kind);

/**
 * Releases entries by value, and deletes `chains` with them. Where that cannot tell (flushed, taken over, a chain with a
 * new user), or `entries` is undefined, what has the owner's mark in a listing.
 *
 * @returns which way it was. @throws ToolError.
 */
export const releaseAll = async (
  nft: Nft,
  owner: Owner,
  entries: readonly Entry[] | undefined,
  chains: readonly string[],
  options: ApplyOptions,
): Promise<'by value' | 'by list'> => {
  if (entries !== undefined) {
    try {
      await applyNft(nft, [...release(owner, entries), ...removeChains(chains)], options);
      return 'by value';
    } catch (error) {
      if (!isKind(error, 'not-found', 'exists', 'busy')) throw error;
    }
  }
  await releaseListed(nft, (entry) => entry.owner?.hash === owner.hash, options);
  return 'by list';
};

/**
 * Releases what `isGone` picks from a listing, and deletes every chain named by its content that no other element refers to.
 *
 * @returns what was released.
 */
export const releaseListed = async (
  nft: Nft,
  isGone: (entry: OwnedElement) => boolean,
  options: ApplyOptions,
): Promise<readonly OwnedElement[]> => {
  for (let attempt = 1; ; attempt += 1) {
    const listing = await listElements(nft, options);
    if (listing === undefined) return [];
    const gone = listing.entries.filter(isGone);
    // A last attempt without the chains: an ADD that comes again and again to one of them must not keep us from our elements.
    const chains = attempt === ATTEMPTS ? [] : idleChains(listing, new Set(gone));
    try {
      await applyNft(nft, [...releaseAsListed(gone), ...removeChains(chains)], options);
      return gone;
    } catch (error) {
      if (!isKind(error, 'not-found', 'exists', 'busy') || attempt === ATTEMPTS) throw error;
    }
  }
};

const idleChains = (listing: Listing, gone: ReadonlySet<OwnedElement>): readonly string[] => {
  const used = new Set(listing.entries.filter((entry) => !gone.has(entry)).map(({ value }) => targetOf(value)));
  return listing.objects
    .flatMap((object) => (object['chain'] as NftObject | undefined)?.['name'] ?? [])
    .map(String)
    .filter((name) => isContentChain(name) && !used.has(name));
};

const targetOf = (value: OwnedElement['value']): string | undefined => {
  const verdict = value as { jump?: { target?: string }; goto?: { target?: string } } | null;
  return verdict?.jump?.target ?? verdict?.goto?.target;
};
