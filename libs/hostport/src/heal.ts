/**
 * What a flush took from other attachments, given back by the ADD that found the table gone: their containers see no ADD of their own.
 *
 * Story: the DEL of such an attachment comes at the same time. It removes its record before it lists the table for the last time, and this
 * looks for the record after its transaction: one of both sees what the other did.
 */
import { ToolError } from '@flatnet/exec';
import { type ApplyOptions, applyNft, type Nft } from '@flatnet/kernel';
import { isDead } from './life.ts';
import { type Owner, portsOf } from './model.ts';
import { buildBase } from './publish.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';
import { releaseAll } from './release.ts';
import { addElements, entriesOf, guardInterface, refuseIfAny } from './ruleset.ts';

/** Goes on where the kernel refuses one (another container was faster): CHECK of that attachment names what it lacks. */
export const heal = async (nft: Nft, records: Records, own: Owner, options: ApplyOptions): Promise<void> => {
  const others = records.all().filter((record) => record.owner.hash !== own.hash && !isDead(record));
  if (others.length === 0) return;
  await buildBase(nft, others, options);
  for (const record of others) await restore(nft, records, record, options).catch(unlessRefused);
};

async function restore(nft: Nft, records: Records, record: PublishRecord, options: ApplyOptions): Promise<void> {
  const onAddress = portsOf(record.publications).filter(({ hostIp }) => hostIp !== undefined);
  const entries = entriesOf(record);
  const commands = [
    ...guardInterface(record),
    ...addElements(record.owner, entries),
    ...refuseIfAny(record.owner, onAddress),
  ];
  await applyNft(nft, commands, options);
  if (records.read(record.owner) === undefined) await releaseAll(nft, record.owner, entries, [], options);
}

function unlessRefused(error: unknown): void {
  if (!(error instanceof ToolError)) throw error;
}
