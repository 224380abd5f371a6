import type { Run } from '@flatnet/exec';
import type { ApplyOptions } from '../apply.ts';
import { dropMasquerade, ensureMasquerade } from '../masquerade.ts';
import { forgetInterfaces } from './interfaces.ts';
import type { Owner } from './model.ts';
import type { PublishRecord, Records } from './record.ts';
import { releaseAll } from './release.ts';
import { chainNames, entriesOf } from './ruleset.ts';
import { handOver } from './standby.ts';

/**
 * Withdraws everything that the attachment publishes; success when that is nothing. Ports that another attachment of the container
 * waits for become that one's. `recordMayBeLost` allows to list the table when there is no record: to be set when the caller knows of
 * ports.
 *
 * @returns what was withdrawn, as far as it is known.
 */
export const withdraw = async (
  run: Run,
  records: Records,
  owner: Owner,
  options: ApplyOptions & { readonly recordMayBeLost?: boolean } = {},
): Promise<PublishRecord | undefined> => {
  const named = { doing: 'withdraw ports', ...options };
  const record = records.read(owner);
  if (record === undefined) {
    records.removeUnfinished(owner);
    if (options.recordMayBeLost !== true) return undefined;
    records.forgetHints(owner);
    await releaseAll(run, owner, undefined, [], named);
    return undefined;
  }
  // Before the transaction, so that of two last users at least one sees that nobody is left.
  const idle = chainNames(record).filter((chain) => records.chains.drop(chain, owner.hash));
  await releaseAll(run, owner, entriesOf(record), idle, named);
  records.remove(record);
  if (record.masquerade !== undefined) await dropUnused(run, records, record, named);
  await forgetInterfaces(run, records, named);
  await handOver(run, records, record, named);
  return record;
};

/** The last attachment of a network takes its masquerade along. One that came meanwhile has its record, and gets it back. */
const dropUnused = async (run: Run, records: Records, record: PublishRecord, options: ApplyOptions): Promise<void> => {
  const { masquerade, owner } = record;
  if (masquerade === undefined || records.attachmentsOf(owner.networkHash).length > 0) return;
  await dropMasquerade(run, masquerade.tag, options);
  if (records.attachmentsOf(owner.networkHash).length > 0) await ensureMasquerade(run, masquerade, options);
};
