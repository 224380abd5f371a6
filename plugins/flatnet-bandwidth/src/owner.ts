import { attachmentHash, type Attachment, networkHash } from '@flatnet/cni';
import type { Owner } from '@flatnet/shaping';

export const ownerOf = (network: string, attachment: Attachment): Owner => ({
  network,
  ...attachment,
  networkHash: networkHash(network),
  hash: attachmentHash(network, attachment),
});
