/** nf_tables in memory, as far as flatnet's transactions and listings reach: tables, chains, maps, elements, and references between them. */
import type { RunResult } from '@flatnet/exec';
import type { NftJson, NftObject } from './nft/commands.ts';

interface FakeTable {
  readonly chains: Map<string, NftJson[]>;
  readonly maps: Map<
    string,
    { readonly kind: string; readonly shape: NftObject; readonly elements: Map<string, NftJson> }
  >;
}

type Named = Readonly<Record<string, NftJson>> & {
  readonly family?: string;
  readonly table?: string;
  readonly name?: string;
};

/** What the kernel refuses, in the words of nft. */
class NftRefusal extends Error {}
const refuse = (words: string): never => {
  throw new NftRefusal(`Error: Could not process rule: ${words}`);
};
const noSuch = (): never => refuse('No such file or directory');
const ended = (exitCode: number, stdout = '', stderr = ''): RunResult => ({ exitCode, stdout, stderr, ending: 'exit' });

export class FakeNft {
  #tables = new Map<string, FakeTable>();

  /** The names of all tables and what is in them: `inet flatnet`, `inet flatnet postrouting`, …; maps with their number of elements. */
  get contents(): readonly string[] {
    return [...this.#tables].flatMap(([table, { chains, maps }]) => [
      table,
      ...[...chains].map(([chain, rules]) => `${table} chain ${chain} ${rules.length}`),
      ...[...maps].map(([map, { elements }]) => `${table} map ${map} ${elements.size}`),
    ]);
  }

  /** `nft flush ruleset` */
  flush(): void {
    this.#tables.clear();
  }

  /** @param args of `nft -j`, without flags. */
  run(args: readonly string[]): RunResult {
    try {
      // There are no tables of others.
      if (args[0] === 'list' && args.length < 4) return this.#print([[]]);
      if (args[0] === 'list') return this.#print([this.#listed(args[1] ?? '', args.slice(2))]);
      const { nftables } = JSON.parse(args.join(' ')) as { nftables: Readonly<Record<string, NftObject>>[] };
      const lists = nftables.flatMap(({ list }) => (list === undefined ? [] : [list]));
      this.#commit(nftables.filter(({ list }) => list === undefined));
      return this.#print(lists.map((list) => this.#listedAs(list)));
    } catch (error) {
      if (error instanceof NftRefusal) return ended(1, '', error.message);
      throw error;
    }
  }

  /** All or nothing. */
  #commit(commands: readonly Readonly<Record<string, NftObject>>[]): void {
    const before = structuredClone(this.#tables);
    try {
      for (const command of commands) {
        for (const [verb, object] of Object.entries(command)) {
          for (const [kind, inner] of Object.entries(object)) this.#apply(verb, kind, inner as Named);
        }
      }
    } catch (error) {
      this.#tables = before;
      throw error;
    }
  }

  #apply(verb: string, kind: string, object: Named): void {
    const key = `${object.family} ${kind === 'table' ? object.name : object.table}`;
    if (kind === 'table') return this.#applyTable(verb, key);
    const table = this.#tables.get(key) ?? noSuch();
    if (kind === 'chain') return applyChain(table, verb, String(object.name));
    if (kind === 'map' || kind === 'set') return applyMap(table, verb, kind, object);
    if (kind === 'element') return applyElements(table, verb, object);
    if (kind !== 'rule' || verb !== 'add') throw new Error(`the fake does not know ${verb} ${kind}`);
    const rules = table.chains.get(String(object['chain'])) ?? noSuch();
    for (const target of targetsOf(object['expr'] ?? [])) if (!table.chains.has(target)) noSuch();
    rules.push(object['expr'] ?? []);
  }

  #applyTable(verb: string, key: string): void {
    const table = this.#tables.get(key);
    if (verb === 'create' && table !== undefined) refuse('File exists');
    if (verb === 'delete') {
      if (table === undefined) noSuch();
      this.#tables.delete(key);
    } else if (table === undefined) this.#tables.set(key, { chains: new Map(), maps: new Map() });
  }

  #listed(kind: string, [family = '', table = '', name = '']: readonly string[]): readonly NftObject[] {
    return this.#listedAs({ [kind]: kind === 'table' ? { family, name: table } : { family, table, name } });
  }

  #listedAs(list: NftObject): readonly NftObject[] {
    const [kind = '', inner] = Object.entries(list)[0] ?? [];
    const { family = '', table, name = '' } = inner as Named;
    const at = { family, table: table ?? name };
    const found = this.#tables.get(`${at.family} ${at.table}`) ?? noSuch();
    const chains = [...found.chains].filter(([chain]) => kind === 'table' || (kind === 'chain' && chain === name));
    const maps = [...found.maps].filter(([map]) => kind === 'table' || (kind !== 'chain' && map === name));
    if (kind !== 'table' && chains.length + maps.length === 0) noSuch();
    return [
      ...(kind === 'table' ? [{ table: { family, name: at.table } }] : []),
      ...chains.map(([chain]) => ({ chain: { ...at, name: chain } })),
      ...maps.map(([map, { kind: of, shape, elements }]) => ({
        [of]: { ...shape, ...at, name: map, elem: [...elements.values()] },
      })),
      ...chains.flatMap(([chain, rules]) => rules.map((expr) => ({ rule: { ...at, chain, expr } }))),
    ];
  }

  #print(lists: readonly (readonly NftObject[])[]): RunResult {
    return lists.length === 0 ? ended(0) : ended(0, JSON.stringify({ nftables: lists.flat() }));
  }
}

function applyChain(table: FakeTable, verb: string, name: string): void {
  const rules = table.chains.get(name);
  if (verb === 'create' && rules !== undefined) refuse('File exists');
  if (verb === 'add' || verb === 'create') {
    if (rules === undefined) table.chains.set(name, []);
    return;
  }
  if (rules === undefined) noSuch();
  if (verb === 'flush') table.chains.set(name, []);
  else if (isReferred(table, name)) refuse('Device or resource busy');
  else table.chains.delete(name);
}

const isReferred = ({ chains, maps }: FakeTable, name: string): boolean =>
  [...chains.values()].some((rules) => targetsOf(rules).includes(name)) ||
  [...maps.values()].some(({ elements }) => targetsOf([...elements.values()]).includes(name));

function applyMap(table: FakeTable, verb: string, kind: string, shape: Named): void {
  const name = String(shape.name);
  const known = table.maps.get(name);
  if (verb === 'delete') {
    if ((known ?? noSuch()).elements.size > 0 && shape['elem'] !== undefined) refuse('Device or resource busy');
    table.maps.delete(name);
  } else if (verb === 'flush') (known ?? noSuch()).elements.clear();
  else if (known === undefined) table.maps.set(name, { kind, shape, elements: new Map() });
}

function applyElements(table: FakeTable, verb: string, { name, elem }: Named): void {
  const { elements } = table.maps.get(String(name)) ?? noSuch();
  for (const given of elem as readonly NftJson[]) {
    const key = JSON.stringify(verb !== 'delete' && Array.isArray(given) ? given[0] : given);
    const known = elements.get(key);
    if (verb === 'delete') {
      if (!elements.delete(key)) noSuch();
      continue;
    }
    for (const target of targetsOf(given)) if (!table.chains.has(target)) noSuch();
    const differs = known !== undefined && JSON.stringify(known) !== JSON.stringify(given);
    if (differs || (known !== undefined && verb === 'create')) refuse('File exists');
    elements.set(key, given);
  }
}

/** The chains that a value jumps to. */
function targetsOf(value: NftJson): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(targetsOf);
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'jump' || key === 'goto') && typeof inner === 'object' && inner !== null && 'target' in inner
      ? [String((inner as { target: NftJson }).target)]
      : targetsOf(inner as NftJson),
  );
}
