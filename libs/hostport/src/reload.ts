import type { ApplyOptions, Nft } from '@flatnet/kernel';
import { buildBase, publish } from './publish.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';
import { withdraw } from './withdraw.ts';

/** What a rebuild did. */
export interface Reloaded {
  readonly published: number;
  /** Attachments whose container is gone: not rebuilt, record removed. */
  readonly dropped: readonly PublishRecord[];
  readonly failed: readonly { readonly record: PublishRecord; readonly reason: string }[];
}

export interface ReloadChoice {
  /** Whether the container of a record is gone. */
  readonly isGone: (record: PublishRecord) => boolean;
  /** Whether a record is left as it is, with what it has in the kernel. */
  readonly isPaused?: (record: PublishRecord) => boolean;
}

/** Rebuilds base and elements of every living attachment from the records: after `nft flush ruleset`, a firewall's reload, or by hand. */
export const reload = async (
  nft: Nft,
  records: Records,
  { isGone, isPaused = () => false }: ReloadChoice,
  options: ApplyOptions = {},
): Promise<Reloaded> => {
  const present = (): readonly PublishRecord[] => records.all().filter((record) => !isPaused(record));
  const dropped = present().filter(isGone);
  for (const record of dropped) await withdraw(nft, records, record.owner, options);
  // Read again: what a dropped attachment had may be another one's now.
  const alive = present().filter((record) => !isGone(record));
  if (alive.length > 0) await buildBase(nft, alive, options);
  const failed: { record: PublishRecord; reason: string }[] = [];
  for (const record of alive) {
    try {
      await publish(nft, records, record, options);
    } catch (error) {
      failed.push({ record, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { published: alive.length - failed.length, dropped, failed };
};
