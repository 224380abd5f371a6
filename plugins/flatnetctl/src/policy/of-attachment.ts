import { type Attachment, attachmentHash } from '@flatnet/cni';
import type { World } from '../world.ts';

/** The policies that hold for an attachment by its last ADD: their names, or where they stand. */
export function policiesByAttachment({ policies }: Pick<World, 'policies'>) {
  const { folder } = policies.open();
  const recorded = folder.exists() ? folder.attachments.all() : [];
  const selected = new Map(recorded.map((record) => [record.owner.hash, record.selected]));
  return (network: string, attachment: Attachment): readonly string[] =>
    selected.get(attachmentHash(network, attachment)) ?? [];
}
