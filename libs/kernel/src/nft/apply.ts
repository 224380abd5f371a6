import { setTimeout as delay } from 'node:timers/promises';
import { ToolError } from '@flatnet/exec';
import type { NftCommand, NftObject } from './commands.ts';
import type { Nft, NftListing, NftOptions } from './nft.ts';

export interface ApplyOptions extends NftOptions {
  /** A transaction that the kernel calls busy is not repeated: it was a guess, and busy is its answer. */
  readonly isGuess?: boolean;
}

/** How often a transaction that the kernel calls busy is sent again. */
const BUSY_RETRIES = 5;

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
  for (let retry = 0; ; retry += 1) {
    try {
      return await nft.apply(commands, options);
    } catch (error) {
      if (!(error instanceof ToolError) || error.kind !== 'busy' || isGuess || retry >= BUSY_RETRIES) throw error;
      // Parallel transactions meet in the kernel; jitter keeps them from meeting again (podman#23404).
      await delay(2 ** retry * (1 + Math.random() * 4), undefined, options.signal && { signal: options.signal });
    }
  }
};

/** The objects of a table, chain or map, or undefined when it does not exist. @throws ToolError. */
export const listNft = (nft: Nft, what: NftListing, options: NftOptions = {}) => nft.list(what, options);

/** Every object of a table, or undefined when there is no such table. @throws ToolError. */
export const listNftTable = (
  nft: Nft,
  family: string,
  table: string,
  options: NftOptions = {},
): Promise<readonly NftObject[] | undefined> => nft.list({ family, table }, options);
