/** Transactions and listings, repeated while other programs change the ruleset. */
import { setTimeout as delay } from 'node:timers/promises';
import { ToolError } from '@flatnet/exec';
import type { NftCommand, NftObject } from './commands.ts';
import type { Nft, NftListing, NftOptions } from './nft.ts';

export interface ApplyOptions extends NftOptions {
  /** A transaction that the kernel calls busy is not repeated: it was a guess, and busy is its answer. */
  readonly isGuess?: boolean;
}

/** How often what the kernel calls busy is asked again. */
const BUSY_RETRIES = 5;

async function untilNotBusy<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ToolError) || error.kind !== 'busy' || retry >= BUSY_RETRIES) throw error;
      // Parallel transactions meet in the kernel; jitter keeps them from meeting again (podman#23404).
      await delay(2 ** retry * (1 + Math.random() * 4), undefined, signal && { signal });
    }
  }
}

/**
 * Sends `commands` as one transaction. A busy one is repeated whole, up to five times.
 *
 * A transaction that deletes or flushes keeps its socket open until an RCU grace period has passed, some milliseconds. The hot path
 * therefore adds only.
 *
 * @throws ToolError, as `Nft.apply`.
 */
export const applyNft = async (
  nft: Nft,
  commands: readonly NftCommand[],
  { isGuess = false, ...options }: ApplyOptions = {},
): Promise<void> => {
  if (commands.length === 0) return;
  const send = (): Promise<void> => nft.apply(commands, options);
  await (isGuess ? send() : untilNotBusy(options.signal, send));
};

/**
 * The objects of a table, chain or map, or undefined when it does not exist. A listing that others changed under way each time is busy,
 * and repeated.
 *
 * @throws ToolError.
 */
export const listNft = (
  nft: Nft,
  what: NftListing,
  options: NftOptions = {},
): Promise<readonly NftObject[] | undefined> => untilNotBusy(options.signal, () => nft.list(what, options));

/** Every object of a table, or undefined when there is no such table. @throws ToolError. */
export const listNftTable = (
  nft: Nft,
  family: string,
  table: string,
  options: NftOptions = {},
): Promise<readonly NftObject[] | undefined> => listNft(nft, { family, table }, options);
