import type { Run } from '@flatnet/exec';
import type { ApplyOptions } from '@flatnet/kernel';
import { removeIdleTable } from './idle.ts';
import { forgetInterfaces } from './interfaces.ts';
import type { Owner } from './model.ts';
import type { PublishRecord, Records } from './record.ts';
import { isKind, releaseAll } from './release.ts';
import { chainNames, entriesOf } from './ruleset.ts';
import { promotePending } from './pending.ts';

export interface WithdrawOptions extends ApplyOptions {
  /** Told what went wrong after the attachment's own things were gone. */
  readonly note?: (text: string) => void;
}

/**
 * Withdraws everything that the attachment publishes; success when that is nothing. Ports that another attachment of the container
 * waits for become that one's. Whatever call it is killed in, the next one does the rest.
 *
 * @returns what was withdrawn, as far as it is known.
 */
export const withdraw = async (
  run: Run,
  records: Records,
  owner: Owner,
  options: WithdrawOptions = {},
): Promise<PublishRecord | undefined> => {
  const { note, ...rest } = options;
  const named = { doing: 'withdraw ports', ...rest };
  const record = records.read(owner);
  if (record !== undefined) {
    // Before the transaction, so that of two last users at least one sees that no other is left.
    const idle = chainNames(record).filter((chain) => records.chains.drop(chain, owner.hash));
    await releaseAll(run, owner, entriesOf(record), idle, named);
    records.remove(record);
  } else {
    records.removeUnfinished(owner);
    records.forgetHints(owner);
    // A record can be lost: the kernel's list tells what the attachment has. Without nft it has nothing.
    await releaseAll(run, owner, undefined, [], named).catch((error: unknown) => {
      if (!isKind(error, 'missing')) throw error;
    });
  }
  const failures = await promotePending(run, records, owner, record?.publications, named);
  if (failures.length > 0) note?.(failures.join('; '));
  await forgetInterfaces(run, records, named);
  await removeIdleTable(run, records, named).catch((error: unknown) => {
    if (!isKind(error, 'missing')) throw error;
  });
  return record;
};
