import type { ApplyOptions, Nft } from '@flatnet/kernel';
import type { Owner } from './model.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';
import { isKind, releaseAll } from './release.ts';
import { chainNames, entriesOf } from './ruleset.ts';

/** Gives back what the attachment itself has, with its record; nothing is handed over. @returns the record. @throws ToolError. */
export const giveBack = async (
  nft: Nft,
  records: Records,
  owner: Owner,
  options: ApplyOptions,
): Promise<PublishRecord | undefined> => {
  const record = records.read(owner);
  if (record !== undefined) {
    // Before the transaction, so that of two last users at least one sees that no other is left.
    const idle = chainNames(record).filter((chain) => records.hints.chains.drop(chain, owner.hash));
    const way = await releaseAll(nft, owner, entriesOf(record), idle, options);
    records.remove(record);
    // After a flush an ADD of another attachment may have given it back, until it found the record gone.
    if (way === 'by list') await releaseAll(nft, owner, undefined, [], options);
    return record;
  }
  records.removeUnfinished(owner);
  records.forgetHints(owner);
  // A record can be lost: the kernel's list tells what the attachment has. Without nft it has nothing.
  await releaseAll(nft, owner, undefined, [], options).catch((error: unknown) => {
    if (!isKind(error, 'missing')) throw error;
  });
  return undefined;
};
