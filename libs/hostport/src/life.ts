/** Whether the container of a published port is gone for certain: what cannot be told counts as alive (@flatnet/kernel/life). */
import { hasLink, hostEndOf, lifeOf } from '@flatnet/kernel/life';
import type { Owner } from './model.ts';

export { hasLink, hostEndOf } from '@flatnet/kernel/life';

export interface Witnesses {
  readonly owner: Pick<Owner, 'hash'>;
  /** CNI_NETNS at ADD, and `device:inode` of what it was; empty where ADD could not see it. */
  readonly netns: string;
  readonly netnsId: string;
  /** Host ends that another main plugin made. */
  readonly hostEnds?: readonly string[];
}

const linksOf = ({ owner, hostEnds = [] }: Witnesses): readonly string[] => [hostEndOf(owner), ...hostEnds];

export const isDead = (record: Witnesses): boolean => lifeOf({ ...record, hostEnds: linksOf(record) }) === 'gone';

const TEARDOWN_MS = 500;
const POLL_MS = 5;

/** The same, of a container that may have ended this moment: the kernel takes links away some time after their namespace. */
export function isDeadSoon(record: Witnesses): boolean {
  if (lifeOf({ ...record, hostEnds: [] }) !== 'gone') return false;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let left = TEARDOWN_MS; left > 0 && linksOf(record).some(hasLink); left -= POLL_MS)
    Atomics.wait(clock, 0, 0, POLL_MS);
  return !linksOf(record).some(hasLink);
}
