/** nf_tables in memory, as far as flatnet's transactions and listings reach: tables, chains, maps, elements, and references between them. */
import { ToolError, type ToolErrorKind } from '@flatnet/exec';
import type { NftCommand, NftJson, NftObject, NftTable } from './nft/commands.ts';
import type { Nft, NftListing, NftOptions } from './nft/nft.ts';

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
const WORDS = { 'not-found': 'No such file or directory', exists: 'File exists', busy: 'Device or resource busy' };
export const nftRefusal = (kind: ToolErrorKind, words: string, doing = 'apply a transaction'): ToolError =>
  new ToolError('nft', kind, doing, `Could not process rule: ${words}`);
const refuse = (kind: keyof typeof WORDS): never => {
  throw nftRefusal(kind, WORDS[kind]);
};
const noSuch = (): never => refuse('not-found');

export class FakeNft implements Nft {
  #tables = new Map<string, FakeTable>();
  readonly #record: (words: string) => void;

  /** @param record is told each call in words before it takes effect, and throws what the kernel refuses. */
  constructor(record: (words: string) => void = () => undefined) {
    this.#record = record;
  }

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

  async apply(commands: readonly NftCommand[], { doing }: NftOptions = {}): Promise<void> {
    try {
      this.#record(`nft ${JSON.stringify(commands)}`);
      this.#commit(commands);
    } catch (error) {
      if (error instanceof ToolError && doing !== undefined)
        throw new ToolError('nft', error.kind, doing, error.reason);
      throw error;
    }
  }

  async list(what: NftListing): Promise<readonly NftObject[] | undefined> {
    const { family, table } = what;
    const [kind, name] = 'map' in what ? ['map', what.map] : 'chain' in what ? ['chain', what.chain] : ['table', table];
    this.#record(`nft list ${kind} ${family} ${kind === 'table' ? table : `${table} ${name}`}`);
    return this.#listed(kind, { family, table }, name);
  }

  async countUses({ family, table }: NftTable, names: readonly string[]): Promise<readonly number[]> {
    this.#record(`nft count ${family} ${table}`);
    const found = this.#tables.get(`${family} ${table}`);
    return names.map((name) => {
      const rules = found?.chains.get(name);
      return found === undefined || rules === undefined ? 0 : usesOf(found, name, rules);
    });
  }

  /** There are no tables of others, whose chains are what is asked for. */
  async listChains(): Promise<readonly NftObject[]> {
    this.#record('nft list chains');
    return [];
  }

  /** All or nothing. */
  #commit(commands: readonly NftCommand[]): void {
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
    if (verb === 'create' && table !== undefined) refuse('exists');
    if (verb === 'delete') {
      if (table === undefined) noSuch();
      this.#tables.delete(key);
    } else if (table === undefined) this.#tables.set(key, { chains: new Map(), maps: new Map() });
  }

  #listed(
    kind: string,
    at: { readonly family: string; readonly table: string },
    name: string,
  ): readonly NftObject[] | undefined {
    const found = this.#tables.get(`${at.family} ${at.table}`);
    if (found === undefined) return undefined;
    const chains = [...found.chains].filter(([chain]) => kind === 'table' || (kind === 'chain' && chain === name));
    const maps = [...found.maps].filter(([map]) => kind === 'table' || (kind !== 'chain' && map === name));
    if (kind !== 'table' && chains.length + maps.length === 0) return undefined;
    return [
      ...(kind === 'table' ? [{ table: { family: at.family, name: at.table } }] : []),
      ...chains.map(([chain, rules]) => ({ chain: { ...at, name: chain, uses: usesOf(found, chain, rules) } })),
      ...maps.map(([map, { kind: of, shape, elements }]) => ({
        [of]: { ...shape, ...at, name: map, elem: [...elements.values()] },
      })),
      ...chains.flatMap(([chain, rules]) => rules.map((expr) => ({ rule: { ...at, chain, expr } }))),
    ];
  }
}

/** Rules of the chain, and what leads to it: as the kernel counts. */
const usesOf = (table: FakeTable, chain: string, rules: readonly NftJson[]): number =>
  rules.length + referencesTo(table, chain);

function applyChain(table: FakeTable, verb: string, name: string): void {
  const rules = table.chains.get(name);
  if (verb === 'create' && rules !== undefined) refuse('exists');
  if (verb === 'add' || verb === 'create') {
    if (rules === undefined) table.chains.set(name, []);
    return;
  }
  if (rules === undefined) noSuch();
  if (verb === 'flush') table.chains.set(name, []);
  else if (referencesTo(table, name) > 0) refuse('busy');
  else table.chains.delete(name);
}

const referencesTo = ({ chains, maps }: FakeTable, name: string): number =>
  [
    ...[...chains.values()].flatMap((rules) => targetsOf(rules)),
    ...[...maps.values()].flatMap(({ elements }) => targetsOf([...elements.values()])),
  ].filter((target) => target === name).length;

function applyMap(table: FakeTable, verb: string, kind: string, shape: Named): void {
  const name = String(shape.name);
  const known = table.maps.get(name);
  if (verb === 'delete') {
    if ((known ?? noSuch()).elements.size > 0 && shape['elem'] !== undefined) refuse('busy');
    table.maps.delete(name);
  } else if (verb === 'flush') (known ?? noSuch()).elements.clear();
  else if (known === undefined) table.maps.set(name, { kind, shape, elements: new Map() });
}

/** A key without the comment that stands beside it. */
const keyOf = (key: NftJson | undefined): NftJson | undefined => {
  const { elem } = (key ?? {}) as { readonly elem?: { readonly val: NftJson } };
  return elem?.val ?? key;
};

function applyElements(table: FakeTable, verb: string, { name, elem }: Named): void {
  const { elements } = table.maps.get(String(name)) ?? noSuch();
  for (const given of elem as readonly NftJson[]) {
    const key = JSON.stringify(keyOf(Array.isArray(given) ? given[0] : given));
    const known = elements.get(key);
    if (verb === 'delete') {
      if (!elements.delete(key)) noSuch();
      continue;
    }
    for (const target of targetsOf(given)) if (!table.chains.has(target)) noSuch();
    const differs = known !== undefined && JSON.stringify(known) !== JSON.stringify(given);
    if (differs || (known !== undefined && verb === 'create')) refuse('exists');
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
