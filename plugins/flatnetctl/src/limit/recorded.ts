import { networkHash } from '@flatnet/cni';
import { limitsOf, openRecords } from '@flatnet/shaping';

/** Bits in a second, as they were asked for or set since. */
export interface RecordedLimits {
  readonly down?: number;
  readonly up?: number;
}

/** The limits of a network's containers by the attachment's hash, from records alone: no right is needed to read the kernel. */
export const limitsByAttachment = (network: string): ReadonlyMap<string, RecordedLimits> =>
  new Map(
    openRecords()
      .all(networkHash(network))
      .map((record) => {
        const { down, up } = limitsOf(record);
        return [
          record.owner.hash,
          { ...(down === undefined ? {} : { down: down.rate }), ...(up === undefined ? {} : { up: up.rate }) },
        ];
      }),
  );
