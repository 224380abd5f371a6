/** Reads back the subnets that the rules of a chain of ours are for: the first expression of each is the match of one. */
import type { Run } from '@flatnet/exec';
import { type ApplyOptions, listNft } from './apply.ts';
import type { NftObject, NftTable } from './commands.ts';

/** The subnet of each rule among nft's listed objects, in the order of the rules. */
export const subnetsOfRules = (objects: readonly NftObject[]): readonly string[] =>
  objects.flatMap((object) => subnetOf((object['rule'] as NftObject | undefined)?.['expr']) ?? []);

/** Those of a chain; none when it is not there. @throws ToolError. */
export const subnetsOfChain = async (
  run: Run,
  { family, table }: NftTable,
  chain: string,
  options: ApplyOptions = {},
): Promise<readonly string[]> => subnetsOfRules((await listNft(run, { family, table, chain }, options)) ?? []);

/** nft prints a single address without its length. */
const subnetOf = (expr: unknown): string | undefined => {
  const right = (expr as readonly { readonly match?: { readonly right?: unknown } }[] | undefined)?.[0]?.match?.right;
  if (typeof right === 'string') return `${right}/${right.includes(':') ? 128 : 32}`;
  const net = (right as { readonly prefix?: { readonly addr: string; readonly len: number } } | undefined)?.prefix;
  return net === undefined ? undefined : `${net.addr}/${net.len}`;
};
