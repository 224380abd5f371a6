/** nf_tables as flatnet asks for it: values of nft's JSON language (commands.ts), whatever carries them to the kernel. */
import type { NftCommand, NftJson, NftObject, NftTable } from './commands.ts';

export interface NftOptions {
  readonly signal?: AbortSignal;
  /** What it is for, in the words of an error message: "publish the ports of web". */
  readonly doing?: string;
}

/** What to list: a whole table (`terse`: without the elements of sets and maps), one chain (`terse`: without its rules), or one set or map with its elements. */
export type NftListing =
  | { readonly family: string; readonly table: string; readonly terse?: boolean }
  | { readonly family: string; readonly table: string; readonly chain: string; readonly terse?: boolean }
  | { readonly family: string; readonly table: string; readonly map: string };

/** nf_tables of one network namespace. */
export interface Nft {
  /**
   * One transaction: all of it happens, or nothing.
   *
   * @throws ToolError: kind `not-found` (a table, chain, map or element is missing), `exists` (a `create`, or an `add` of a map element
   * with another value), `busy`, `timeout`, `aborted`, `missing` (libc cannot be called), `failed`.
   */
  apply(commands: readonly NftCommand[], options?: NftOptions): Promise<void>;
  /** The objects as `nft -j list` prints them; undefined when there is no such table, chain or map. @throws ToolError. */
  list(what: NftListing, options?: NftOptions): Promise<readonly NftObject[] | undefined>;
  /**
   * The kernel's own count, for each chain of a table, of the rules in it and of what leads to it; 0 where it does not exist.
   *
   * @throws ToolError.
   */
  countUses(table: NftTable, chains: readonly string[], options?: NftOptions): Promise<readonly number[]>;
  /** The chains of all tables, without their rules. @throws ToolError. */
  listChains(options?: NftOptions): Promise<readonly NftObject[]>;
}

/** The elements of one listed map or set. */
export const elementsOf = (objects: readonly NftObject[], name: string): readonly NftJson[] => {
  for (const object of objects) {
    const holder = (object['map'] ?? object['set']) as NftObject | undefined;
    if (holder?.['name'] === name) return (holder['elem'] ?? []) as readonly NftJson[];
  }
  return [];
};
