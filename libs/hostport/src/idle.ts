/** What belongs to all published ports goes with the last one. */
import {
  type ApplyOptions,
  applyNft,
  chain,
  elementsOf,
  flush,
  type NftObject,
  remove,
  removeEmpty,
  table,
  type Nft,
} from '@flatnet/kernel';
import { releaseInterface } from './interfaces.ts';
import { ADMIN, CHAINS, LOCALNET, SETS, TABLE } from './layout.ts';
import { listElements, type Listing } from './owners.ts';
import type { Records } from './records.ts';
import { isKind } from './release.ts';

/**
 * Removes the table, unless an element is in it, or a chain or rule of an operator. An ADD that comes meanwhile keeps it: the kernel
 * deletes no map with elements, and then nothing of the transaction happens.
 */
export const removeIdleTable = async (nft: Nft, records: Records, options: ApplyOptions): Promise<void> => {
  if (records.isUsed()) return;
  const listing = await listElements(nft, options);
  if (listing !== undefined && isIdle(listing)) {
    // Those that no record tells of any more.
    for (const name of elementsOf(listing.objects, LOCALNET))
      await releaseInterface(nft, records, String(name), options);
    await removeTable(nft, listing, options);
  }
  records.removeIfEmpty();
};

const nameIn = (object: NftObject, kind: string): string | undefined => {
  const inner = object[kind] as NftObject | undefined;
  return inner === undefined ? undefined : String(inner[kind === 'rule' ? 'chain' : 'name']);
};

const isIdle = ({ objects, entries }: Listing): boolean => {
  const isOurs = (name: string | undefined): boolean => name === undefined || name in CHAINS;
  return (
    entries.length === 0 &&
    objects.some((object) => 'table' in object) &&
    objects.every((object) => isOurs(nameIn(object, 'rule'))) &&
    objects.every((object) => nameIn(object, 'chain') === ADMIN || isOurs(nameIn(object, 'chain')))
  );
};

async function removeTable(nft: Nft, { objects }: Listing, options: ApplyOptions): Promise<void> {
  const chains = objects.flatMap((object) => nameIn(object, 'chain') ?? []);
  const maps = objects.flatMap((object) => nameIn(object, 'map') ?? nameIn(object, 'set') ?? []);
  const commands = [
    ...chains.map((name) => flush(chain(TABLE, name))),
    ...maps.filter((name) => SETS.includes(name)).map((name) => removeEmpty(TABLE, name)),
    remove(table(TABLE)),
  ];
  try {
    await applyNft(nft, commands, { ...options, isGuess: true });
  } catch (error) {
    if (!isKind(error, 'busy', 'not-found', 'exists')) throw error;
  }
}
