import { ToolError } from '@flatnet/exec';
import type { Kernel } from './kernel.ts';

/** Which flows to forget. Addresses are printed by us, ports are numbers; what is absent matches all. */
export interface FlowFilter {
  readonly family: 4 | 6;
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  /** Destination port of the first packet, as its sender wrote it. */
  readonly originalDestinationPort?: number;
  /** Source of the first packet. */
  readonly originalSource?: string;
  /** Destination of the first packet, as its sender wrote it. */
  readonly originalDestination?: string;
  /** Who answers: the container behind a published port. */
  readonly replySource?: string;
}

const pair = (word: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [word, String(value)];

/**
 * Deletes matching flows from the connection table, so that packets meet the present rules.
 *
 * @returns how many were deleted.
 * @throws ToolError; kind `missing` where conntrack(8) is not installed.
 */
export async function deleteConntrack(kernel: Pick<Kernel, 'run'>, filter: FlowFilter): Promise<number> {
  const args = [
    ...['--delete', '--family', filter.family === 6 ? 'ipv6' : 'ipv4'],
    ...pair('--proto', filter.protocol),
    ...pair('--orig-port-dst', filter.originalDestinationPort),
    ...pair('--orig-src', filter.originalSource),
    ...pair('--orig-dst', filter.originalDestination),
    ...pair('--reply-src', filter.replySource),
  ];
  const result = await kernel.run('conntrack', args);
  // "0 flow entries have been deleted" ends with 1, and is no failure.
  const count = /(\d+) flow entries have been deleted/.exec(result.stderr)?.[1];
  if (result.ending === 'exit' && count !== undefined) return Number(count);
  const why = result.ending === 'exit' ? result.stderr.trim().slice(0, 400) : result.ending;
  throw new ToolError('conntrack', 'failed', 'forget old flows', why || `exit code ${result.exitCode}`);
}
