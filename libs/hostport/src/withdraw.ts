import type { ApplyOptions, Nft } from '@flatnet/kernel';
import { removeIdleTable } from './idle.ts';
import { giveBack } from './give-back.ts';
import { forgetInterfaces } from './interfaces.ts';
import type { Owner } from './model.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';
import { isKind } from './release.ts';
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
  nft: Nft,
  records: Records,
  owner: Owner,
  options: WithdrawOptions = {},
): Promise<PublishRecord | undefined> => {
  const { note, ...rest } = options;
  const named = { doing: 'withdraw ports', ...rest };
  // First of all: the DEL of another attachment that hands over meanwhile looks for this last.
  records.hints.dropWaiting(owner);
  const record = await giveBack(nft, records, owner, named);
  // Such a DEL has written it.
  if (records.read(owner) !== undefined) await giveBack(nft, records, owner, named);
  const failures = await promotePending(nft, records, owner, record?.publications, named);
  if (failures.length > 0) note?.(failures.join('; '));
  await forgetInterfaces(nft, records, named);
  await removeIdleTable(nft, records, named).catch((error: unknown) => {
    if (!isKind(error, 'missing')) throw error;
  });
  return record;
};
