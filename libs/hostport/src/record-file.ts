/** The record of one attachment: what it published, as a file. */
import type { Plan, Publication } from './model.ts';

/** A plan, and how to tell whether its container is still there. */
export interface PublishRecord extends Plan {
  readonly version: 1;
  /** CNI_NETNS at ADD, and `device:inode` of what it was; empty where ADD could not see it. */
  readonly netns: string;
  readonly netnsId: string;
  /** Names of the host ends that another main plugin than flatnet made. */
  readonly hostEnds?: readonly string[];
  /** Wanted too, but another attachment of the same container has them; they become ours when it goes. */
  readonly waiting?: readonly Publication[];
}

/** Undefined for what is torn, or of another version: it counts as absent. */
export function readRecord(text: string): PublishRecord | undefined {
  try {
    const record = JSON.parse(text) as PublishRecord;
    return record.version === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}
