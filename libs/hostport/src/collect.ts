import type { ApplyOptions, Nft } from '@flatnet/kernel';
import { removeIdleTable } from './idle.ts';
import { forgetInterfaces } from './interfaces.ts';
import type { Owner } from './model.ts';
import type { Records } from './records.ts';
import { releaseListed } from './release.ts';
import { withdraw } from './withdraw.ts';

/**
 * Withdraws what attachments of a network publish that are not in `valid` (hashes): those with a record, and elements without one.
 * Goes on to the end and throws the first failure.
 *
 * @returns how many attachments were withdrawn.
 */
export const collect = async (
  nft: Nft,
  records: Records,
  network: Pick<Owner, 'networkHash'>,
  valid: ReadonlySet<string>,
  options: ApplyOptions = {},
): Promise<number> => {
  const failures: unknown[] = [];
  const trying = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => failures.push(error));
  };
  const gone = records.attachmentsOf(network.networkHash).filter((hash) => !valid.has(hash));
  for (const hash of gone) {
    const record = records.read({ networkHash: network.networkHash, hash });
    if (record !== undefined) await trying(() => withdraw(nft, records, record.owner, options));
  }
  const orphans = new Set<string>();
  await trying(async () => {
    const released = await releaseListed(
      nft,
      ({ owner }) => owner?.networkHash === network.networkHash && !valid.has(owner.hash),
      options,
    );
    for (const { owner } of released) if (owner !== undefined) orphans.add(owner.hash);
  });
  records.removeStrayHints();
  await trying(() => forgetInterfaces(nft, records, options));
  await trying(() => removeIdleTable(nft, records, options));
  records.removeOtherBoots();
  if (failures.length > 0) throw failures[0];
  return gone.length + orphans.size;
};
