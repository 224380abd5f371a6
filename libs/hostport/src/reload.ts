import type { Run } from '@flatnet/exec';
import type { ApplyOptions } from '@flatnet/kernel';
import { buildBase, publish } from './publish.ts';
import type { PublishRecord, Records } from './record.ts';
import { withdraw } from './withdraw.ts';

/** What a rebuild did. */
export interface Reloaded {
  readonly published: number;
  /** Attachments whose container is gone: not rebuilt, record removed. */
  readonly dropped: readonly PublishRecord[];
  readonly failed: readonly { readonly record: PublishRecord; readonly reason: string }[];
}

/** Rebuilds base and elements of every living attachment from the records: after `nft flush ruleset`, a firewall's reload, or by hand. */
export const reload = async (
  run: Run,
  records: Records,
  isGone: (record: PublishRecord) => boolean,
  options: ApplyOptions = {},
): Promise<Reloaded> => {
  const dropped = records.all().filter(isGone);
  for (const record of dropped) await withdraw(run, records, record.owner, options);
  // Read again: what a dropped attachment had may be another one's now.
  const alive = records.all().filter((record) => !isGone(record));
  if (alive.length > 0) await buildBase(run, alive, options);
  const failed: { record: PublishRecord; reason: string }[] = [];
  for (const record of alive) {
    try {
      await publish(run, records, record, options);
    } catch (error) {
      failed.push({ record, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { published: alive.length - failed.length, dropped, failed };
};
