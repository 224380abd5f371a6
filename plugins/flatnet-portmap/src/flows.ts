import { ToolError } from '@flatnet/exec';
import type { Kernel } from '@flatnet/kernel';

/** Whether the host tracks any flow: one file instead of a process on hosts that are idle. Unknown counts as yes. */
export const tracksFlows = ({ proc }: Pick<Kernel, 'proc'>): boolean =>
  proc.read('/proc/sys/net/netfilter/nf_conntrack_count') !== '0';

/** A host without conntrack(8) keeps its old flows until they expire: no reason to refuse ports. */
export const unlessMissing = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ToolError) || error.kind !== 'missing') throw error;
  }
};
