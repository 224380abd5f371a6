/**
 * Values of nft's JSON language (libnftables-json(5)), and short ways to write the ones flatnet needs. A transaction is an array of
 * commands; nothing here talks to the kernel.
 *
 * Order inside a transaction: tables, chains, maps and sets, flushes, rules, elements. nft 1.0.6 answers "No such file or directory"
 * when an element's verdict names a chain that comes after the map in the same transaction.
 */
export type NftFamily = 'inet' | 'bridge' | 'ip' | 'ip6' | 'netdev';

export type NftJson = string | number | boolean | null | readonly NftJson[] | { readonly [key: string]: NftJson };

/** What stands inside a command: `{table: …}`, `{chain: …}`, `{element: …}`, … */
export type NftObject = Readonly<Record<string, NftJson>>;

export type NftVerb = 'add' | 'create' | 'insert' | 'delete' | 'flush' | 'list' | 'get';

/** `{add: {table: …}}`: exactly one verb with exactly one object. */
export type NftCommand = { readonly [V in NftVerb]?: NftObject };

/** Where an object lives. */
export interface NftTable {
  readonly family: NftFamily;
  readonly table: string;
}

/** `type … hook … priority …` of a base chain. */
export interface BaseHook {
  readonly type: 'nat' | 'filter';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly prio: number;
  readonly policy: 'accept' | 'drop';
}

export const table = ({ family, table: name }: NftTable): NftObject => ({ table: { family, name } });

export const chain = (at: NftTable, name: string, base?: BaseHook): NftObject => ({
  chain: { family: at.family, table: at.table, name, ...base },
});

/** A rule at the end of `chainName`; `comment` must be a fixed text or a hash, at most 128 characters. */
export const rule = (at: NftTable, chainName: string, expr: readonly NftJson[], comment?: string): NftObject => ({
  rule: { family: at.family, table: at.table, chain: chainName, expr, ...(comment === undefined ? {} : { comment }) },
});

/** A named set; with `to` a named map. The program nft knows values that are concatenations from 1.0.7 on, netlink always. */
export const map = (
  at: NftTable,
  name: string,
  type: string | readonly string[],
  to?: string | readonly string[],
): NftObject =>
  to === undefined
    ? { set: { family: at.family, table: at.table, name, type } }
    : { map: { family: at.family, table: at.table, name, type, map: to } };

/** Elements of the set or map `name`. A map's element is a pair `[key, value]`; to delete, the key alone. */
export const elements = (at: NftTable, name: string, elem: readonly NftJson[]): NftObject => ({
  element: { family: at.family, table: at.table, name, elem },
});

export const add = (object: NftObject): NftCommand => ({ add: object });
/** Like `add`, but the transaction fails with "File exists" when the object is there already. */
export const create = (object: NftObject): NftCommand => ({ create: object });
/** Fails with "No such file or directory" when the object is not there: put an `add` of it before, in the same transaction. */
export const remove = (object: NftObject): NftCommand => ({ delete: object });
/** Deletes a map or set that has no element: EBUSY where it has some. Only by netlink: the program deletes the elements with it. */
export const removeEmpty = (at: NftTable, name: string): NftCommand => ({
  delete: { map: { family: at.family, table: at.table, name, elem: [] } },
});
export const flush = (object: NftObject): NftCommand => ({ flush: object });

export const concat = (...parts: readonly NftJson[]): NftJson => ({ concat: parts });
export const prefix = (addr: string, len: number): NftJson => ({ prefix: { addr, len } });
export const payload = (protocol: string, field: string): NftJson => ({ payload: { protocol, field } });
export const meta = (key: string): NftJson => ({ meta: { key } });
export const match = (left: NftJson, right: NftJson, op: '==' | '!=' | 'in' = '=='): NftJson => ({
  match: { op, left, right },
});
export const jump = (target: string): NftJson => ({ jump: { target } });
export const vmap = (key: NftJson, data: string): NftJson => ({ vmap: { key, data } });
