import { ToolError } from '@flatnet/exec';
import type { Kernel } from '@flatnet/kernel';

/** Whether the host tracks any flow: one file instead of a question on hosts that are idle. Unknown counts as yes. */
export const tracksFlows = ({ proc }: Pick<Kernel, 'proc'>): boolean =>
  proc.read('/proc/sys/net/netfilter/nf_conntrack_count') !== '0';

/**
 * Old flows that stay end by themselves: no reason to refuse ports, or to fail a DEL. Until then UDP of their clients goes where it went,
 * which the log tells.
 */
export const notingFlows = (note: (text: string) => void, work: () => unknown): void => {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.kind !== 'missing') note(`old flows stay until they expire: ${error.reason}`);
  }
};
