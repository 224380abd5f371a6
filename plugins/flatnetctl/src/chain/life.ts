/**
 * Whether an attachment's container still lives. Two witnesses, and one of them is enough for "alive":
 *
 *   its network namespace   the path that ADD was given leads to a namespace (to the same one, where that is known)
 *   its host link           a veth pair dies with the namespace of either end
 *
 * The link is asked too because paths lie: `ip netns delete` removes the name of a namespace in which a process goes on, a mount
 * namespace may not show it at all, and a pid is given to another process.
 */
import { readFileSync, statSync } from 'node:fs';
import { attachmentHash, type Attachment } from '@flatnet/cni';

/** `unknown`: nothing says which namespace it was. */
export type Life = 'alive' | 'gone' | 'unknown';

/** The host end's name (README of the flatnet plugin: `fl` and 12 digits of the attachment's hash). */
export const hostEndOf = (network: string, attachment: Attachment): string =>
  `fl${attachmentHash(network, attachment).slice(0, 12)}`;

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

/** What is at the path of a namespace: its `device:inode`, `no namespace` for anything else, undefined for nothing. */
export function namespaceAt(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  // All namespace files live on one device.
  return stat.dev === statSync('/proc/self/ns/net').dev ? `${stat.dev}:${stat.ino}` : 'no namespace';
}

export function lifeOf(witness: Witness, links: ReadonlySet<string>): Life {
  const { network, attachment, netns, netnsId, hostEnds = [] } = witness;
  if ([hostEndOf(network, attachment), ...hostEnds].some((name) => links.has(name))) return 'alive';
  if (netns === undefined || netns === '') return 'unknown';
  const found = namespaceSafely(netns);
  if (found === 'no namespace') return 'unknown';
  if (found === undefined) return 'gone';
  return netnsId === undefined || netnsId === '' || netnsId === found ? 'alive' : 'gone';
}

/** What may not be looked at counts as no proof of anything. */
function namespaceSafely(path: string): string | undefined {
  try {
    return namespaceAt(path);
  } catch {
    return 'no namespace';
  }
}
