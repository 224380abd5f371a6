/** The table in the kernel: read and changed. */
import { ToolError } from '@flatnet/exec';
import { applyNft, listNft, listNftTable, type Kernel, type NftCommand } from '@flatnet/kernel';
import { readState } from './ruleset/listing.ts';
import { NOTHING, TABLE, targetsOf, together, type TableState } from './ruleset/table-state.ts';

type Tables = Pick<Kernel, 'nft'>;
const doing = 'read the rules between networks';

/** Undefined where there is no table. @throws ToolError. */
export async function readTable({ nft }: Tables): Promise<TableState | undefined> {
  const objects = await listNftTable(nft, TABLE.family, TABLE.table, { doing });
  return objects === undefined ? undefined : readState(objects);
}

/** The chains of these names that exist. @throws ToolError. */
export async function readChains({ nft }: Tables, names: readonly string[]): Promise<TableState> {
  const found = await Promise.all(names.map((chain) => listNft(nft, { ...TABLE, chain }, { doing })));
  return together(NOTHING, ...found.map((objects) => readState(objects ?? [])));
}

/** How many elements and rules lead to a chain; undefined where it is not there, or the kernel was not asked by netlink. */
async function referencesTo({ nft }: Tables, chain: string): Promise<number | undefined> {
  const objects = (await listNft(nft, { ...TABLE, chain }, { doing })) ?? [];
  const uses = objects.flatMap((object) => {
    const inner = object['chain'] as { readonly uses?: number } | undefined;
    return inner?.uses === undefined ? [] : [inner.uses];
  })[0];
  return uses === undefined ? undefined : uses - objects.filter((object) => 'rule' in object).length;
}

/** @throws ToolError: `not-found`, `exists` and `busy` say that the table is not as the caller believed. */
export const change = ({ nft }: Tables, commands: readonly NftCommand[]): Promise<void> =>
  applyNft(nft, commands, { doing: 'change the rules between networks', isGuess: true });

export const isSurprise = (error: unknown): boolean =>
  error instanceof ToolError && (error.kind === 'not-found' || error.kind === 'exists' || error.kind === 'busy');

/** Chains of an earlier state that nothing but it leads to. */
export async function unusedChains(kernel: Tables, before: TableState, wanted: TableState): Promise<readonly string[]> {
  const unused: string[] = [];
  for (const name of before.chains.keys()) {
    if (wanted.chains.has(name)) continue;
    const own = [...before.elements.values()].filter(({ verdict }) => targetsOf(verdict).includes(name)).length;
    if ((await referencesTo(kernel, name)) === own) unused.push(name);
  }
  return unused;
}

/** Asks the kernel for the table. @throws ToolError where it has no nf_tables, or this process may not ask. */
export const isReady = async ({ kernel }: { readonly kernel: Tables }): Promise<void> =>
  void (await readChains(kernel, ['forward']));
