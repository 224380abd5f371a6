/** nf_tables that answers what a test says, and keeps what it was sent. */
import { ToolError, type ToolErrorKind } from '@flatnet/exec';
import type { NftObject } from './nft/commands.ts';
import type { Nft } from './nft/nft.ts';

const KINDS: readonly (readonly [RegExp, ToolErrorKind])[] = [
  [/No such file/, 'not-found'],
  [/File exists/, 'exists'],
  [/busy/, 'busy'],
  [/./, 'failed'],
];

/** A refusal in the kernel's words, or what is listed; undefined for success, and for an empty table. */
export type NftAnswer = string | readonly NftObject[] | undefined;

/** @param answer is asked at each call, by its number. */
export function scriptedNft(answer: (index: number) => NftAnswer = () => undefined) {
  /** Transactions as JSON, listings as `list table inet t` and `list chain inet t c`. */
  const sent: string[] = [];
  const next = (words: string): readonly NftObject[] => {
    const given = answer(sent.push(words) - 1);
    if (typeof given !== 'string') return given ?? [];
    throw new ToolError('nft', KINDS.find(([pattern]) => pattern.test(given))?.[1] ?? 'failed', 'do it', given);
  };
  const nft: Nft = {
    apply: async (commands) => void next(JSON.stringify(commands)),
    list: async (what) => {
      if ('chain' in what) return void next(`list chain ${what.family} ${what.table} ${what.chain}`);
      return next(`list ${'map' in what ? 'map' : 'table'} ${what.family} ${what.table}`);
    },
    // Every chain is whole.
    countUses: async (_table, chains) => chains.map(() => Number.MAX_SAFE_INTEGER),
    listChains: async () => next('list chains'),
  };
  return { sent, ...nft };
}
