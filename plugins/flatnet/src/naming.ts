/**
 * Names that are derived from (network, containerId, ifName) alone: DEL, CHECK and GC find what ADD made without notes.
 *
 *   host end of the veth   fl + 12 hex                        fl3c0a91d2e7b4
 *   owner, for people, GC  ifalias  flatnet:NETWORK:ID:IFNAME
 *   owner, for deleting    altname  flatnet-24 hex            (deleting by it checks the owner and deletes in one kernel call)
 */
import { attachmentHash, macOf, networkHash, type Attachment } from '@flatnet/cni';

/** The kernel's limit (IFALIASZ - 1). */
const MAX_ALIAS = 255;

export interface AttachmentNames {
  readonly hostVeth: string;
  readonly alias: string;
  readonly alternative: string;
  readonly hostMac: string;
  /** The container end's at creation; `withFinalMac` tells the one that it ends up with. */
  readonly containerMac: string;
}

export function attachmentNames(network: string, attachment: Attachment): AttachmentNames {
  const hash = attachmentHash(network, attachment);
  return {
    hostVeth: `fl${hash.slice(0, 12)}`,
    alias: aliasOf(network, attachment, hash),
    alternative: `flatnet-${hash}`,
    hostMac: macOf(hash.slice(0, 12)),
    containerMac: macOf(hash.slice(12)),
  };
}

/** Every alias of the network's links begins with one of these. */
export const aliasPrefixes = (network: string): readonly string[] => [
  `flatnet:${network}:`,
  `flatnet:=${networkHash(network)}:`,
];

/** `:` is legal in none of the three parts. Too long a text is replaced by hashes; `=` begins no legal network name. */
function aliasOf(network: string, { containerId, ifName }: Attachment, hash: string): string {
  const plain = `flatnet:${network}:${containerId}:${ifName}`;
  return plain.length <= MAX_ALIAS ? plain : `flatnet:=${networkHash(network)}:${hash}:${ifName}`;
}
