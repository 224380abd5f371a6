/**
 * Whether an attachment's container is gone for certain. Two witnesses, and one of them is enough for "alive":
 *
 *   its network namespace   the path that ADD was given leads to the namespace that it led to then
 *   its host link           a veth pair dies with the namespace of either end
 *
 * Paths lie: a mount namespace may not show it, and `ip netns delete` removes the name of a namespace in which a process goes on. What
 * cannot be told counts as alive.
 */
import { existsSync } from 'node:fs';
import { netnsIdOf } from '@flatnet/kernel/state';
import type { Owner } from './model.ts';

export interface Witnesses {
  readonly owner: Pick<Owner, 'hash'>;
  /** CNI_NETNS at ADD, and `device:inode` of what it was; empty where ADD could not see it. */
  readonly netns: string;
  readonly netnsId: string;
  /** Host ends that another main plugin made. */
  readonly hostEnds?: readonly string[];
}

/** The name that the flatnet plugin gives (its README: `fl` and 12 digits of the attachment's hash). */
export const hostEndOf = ({ hash }: Pick<Owner, 'hash'>): string => `fl${hash.slice(0, 12)}`;

export const hasLink = (names: readonly string[]): boolean =>
  names.some((name) => existsSync(`/proc/sys/net/ipv4/conf/${name}`));

export const isDead = (record: Witnesses): boolean => isNamespaceGone(record) && !hasLink(linksOf(record));

const linksOf = ({ owner, hostEnds = [] }: Witnesses): readonly string[] => [hostEndOf(owner), ...hostEnds];

function isNamespaceGone({ netns, netnsId }: Witnesses): boolean {
  if (netns === '' || netnsId === '') return false;
  try {
    return netnsIdOf(netns) !== netnsId;
  } catch {
    return false;
  }
}

const TEARDOWN_MS = 500;
const POLL_MS = 5;

/** The same, of a container that may have ended this moment: the kernel takes links away some time after their namespace. */
export function isDeadSoon(record: Witnesses): boolean {
  if (!isNamespaceGone(record)) return false;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let left = TEARDOWN_MS; left > 0 && hasLink(linksOf(record)); left -= POLL_MS)
    Atomics.wait(clock, 0, 0, POLL_MS);
  return !hasLink(linksOf(record));
}
