/**
 * Whether an attachment's container lives. Two witnesses, and one of them is enough for "alive":
 *
 *   its network namespace   the path that ADD was given leads to a namespace (to the same one, where that was noted)
 *   its host link           a veth pair dies with the namespace of either end
 *
 * The link is asked too because paths lie: `ip netns delete` removes the name of a namespace in which a process goes on, a mount
 * namespace may not show it at all, and a pid is given to another process.
 */
import { existsSync, statSync } from 'node:fs';

/** `unknown`: nothing tells which namespace it was, or it may not be looked at. */
export type Life = 'alive' | 'gone' | 'unknown';

export interface Witnesses {
  /** CNI_NETNS at ADD. */
  readonly netns?: string;
  /** `device:inode` of what it was; empty where ADD could not see it, absent where nothing has noted it. */
  readonly netnsId?: string;
  /** Names of its links in this namespace. */
  readonly hostEnds: readonly string[];
}

/** The host end's name (README of the flatnet plugin: `fl` and 12 digits of the attachment's hash). */
export const hostEndOf = ({ hash }: { readonly hash: string }): string => `fl${hash.slice(0, 12)}`;

/** By /proc: `/sys/class/net` may show another namespace. */
export const hasLink = (name: string): boolean => existsSync(`/proc/sys/net/ipv4/conf/${name}`);

/** What is at the path of a namespace: its `device:inode`, `no namespace` for anything else, undefined for nothing. @throws the system error. */
export function namespaceAt(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  // All namespace files live on one device.
  return stat.dev === statSync('/proc/self/ns/net').dev ? `${stat.dev}:${stat.ino}` : 'no namespace';
}

/** @param isThere whether a link exists; the kernel is asked where it is absent. */
export function lifeOf({ netns, netnsId, hostEnds }: Witnesses, isThere: (link: string) => boolean = hasLink): Life {
  if (hostEnds.some(isThere)) return 'alive';
  if (netns === undefined || netns === '') return 'unknown';
  const found = namespaceSafely(netns);
  if (found === 'denied') return 'unknown';
  if (netnsId !== undefined && netnsId !== '') return found === netnsId ? 'alive' : 'gone';
  if (found === 'no namespace') return 'unknown';
  if (found !== undefined) return 'alive';
  // What ADD could not see may still be where this process cannot see it either.
  return netnsId === '' ? 'unknown' : 'gone';
}

/** What may not be looked at is no proof of anything. */
function namespaceSafely(path: string): string | undefined {
  try {
    return namespaceAt(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? 'no namespace' : 'denied';
  }
}
