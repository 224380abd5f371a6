/** Whether an attachment's container still lives, by its names (@flatnet/kernel/life). */
import { readFileSync } from 'node:fs';
import { attachmentHash, type Attachment } from '@flatnet/cni';
import { hostEndOf as hostEndByHash, type Life, lifeOf as lifeByWitnesses } from '@flatnet/kernel/life';

export { type Life, namespaceAt } from '@flatnet/kernel/life';

export const hostEndOf = (network: string, attachment: Attachment): string =>
  hostEndByHash({ hash: attachmentHash(network, attachment) });

/** Names of the links in this network namespace. `/sys/class/net` may show another one. */
export function hostLinks(): ReadonlySet<string> {
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2);
  return new Set(lines.map((line) => line.slice(0, Math.max(0, line.indexOf(':'))).trim()).filter(Boolean));
}

export interface Witness {
  readonly network: string;
  readonly attachment: Attachment;
  /** CNI_NETNS of ADD. */
  readonly netns?: string;
  /** `device:inode` of the namespace at ADD. */
  readonly netnsId?: string;
  /** Host ends that other main plugins made, from their result. */
  readonly hostEnds?: readonly string[];
}

/** @param links of this host, listed once for many attachments. */
export function lifeOf(
  { network, attachment, hostEnds = [], ...namespace }: Witness,
  links: ReadonlySet<string>,
): Life {
  const names = [hostEndOf(network, attachment), ...hostEnds];
  return lifeByWitnesses({ ...namespace, hostEnds: names }, (name) => links.has(name));
}
