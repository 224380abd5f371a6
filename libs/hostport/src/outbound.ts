/**
 * The outbound masquerade of a network whose main plugin does none (`ipMasq`): the ADD of each attachment makes sure of it, the end of
 * the last one takes it along.
 *
 * A hint on disk (`Records.noteMasquerade`) says that there is one, from before it is made until it is gone. A record could not: that of a
 * refused ADD is removed while the masquerade is being made, that of a killed DEL before it is dropped, and where `ipMasq` was taken
 * out of the configuration the last one speaks of none.
 */
import type { Run } from '@flatnet/exec';
import { type ApplyOptions, dropMasquerade, ensureMasquerade } from '@flatnet/kernel';
import type { Records } from './record.ts';

/** The tag differs from the main plugin's, which may have a masquerade of its own. */
export const outboundTag = (networkHash: string): string => `p${networkHash}`;

/**
 * Drops the network's masquerade when none of its attachments has a record. One that came meanwhile has its record, and gets it back.
 * `hintMayBeLost` makes sure without a hint too.
 */
export const dropUnusedOutbound = async (
  run: Run,
  records: Records,
  networkHash: string,
  options: ApplyOptions & { readonly hintMayBeLost?: boolean },
): Promise<void> => {
  const { hintMayBeLost = false, ...rest } = options;
  if (!hintMayBeLost && !records.mayHaveMasquerade(networkHash)) return;
  if (records.attachmentsOf(networkHash).length > 0) return;
  await dropMasquerade(run, outboundTag(networkHash), rest);
  records.forgetMasquerade(networkHash);
  for (const hash of records.attachmentsOf(networkHash)) {
    const masquerade = records.read({ networkHash, hash })?.masquerade;
    if (masquerade === undefined) continue;
    records.noteMasquerade(networkHash);
    await ensureMasquerade(run, masquerade, rest);
  }
};
