/** A ruleset as `nft -j list table …` prints it, in the shape in which it is walked. */
import { listOf, recordOf, textOf, type Json } from './json.ts';

export interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Of base chains only. */
  readonly hook?: string;
  readonly policy?: string;
  readonly priority?: number;
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly handle: number;
  readonly statements: readonly unknown[];
  /** The rule as nft prints it, which also tells what an extension of iptables means. */
  readonly text?: string;
}

/** One table: its chains, and the elements of its sets and maps. */
export interface Table {
  readonly family: string;
  readonly name: string;
  readonly chains: ReadonlyMap<string, Chain>;
  /** `undefined` where packets add the elements, so that they are other ones at each moment. */
  readonly sets: ReadonlyMap<string, readonly unknown[] | undefined>;
}

/**
 * @param objects what the key `nftables` of one or several listings holds.
 * @param texts lines of `nft -a list table …`, whose ends tell the rules' handles; by "FAMILY TABLE".
 */
export function tablesOf(objects: readonly Json[], texts: ReadonlyMap<string, string> = new Map()): readonly Table[] {
  const bodies = (kind: string): readonly Json[] =>
    objects
      .map((object) => object[kind])
      .filter(Boolean)
      .map(recordOf);
  const chains = bodies('chain');
  const places = new Set(chains.map((chain) => JSON.stringify([textOf(chain['family']), textOf(chain['table'])])));
  const rules = new Map<string, Json[]>();
  for (const rule of bodies('rule')) {
    const key = keyOf(rule, rule['chain']);
    rules.set(key, [...(rules.get(key) ?? []), rule]);
  }
  return [...places].map((place) => {
    const [family, name] = JSON.parse(place) as [string, string];
    const isHere = (body: Json): boolean => body['family'] === family && body['table'] === name;
    const lines = linesByHandle(texts.get(`${family} ${name}`) ?? '');
    const own = chains
      .filter(isHere)
      .map((chain) => chainOf(chain, rules.get(keyOf(chain, chain['name'])) ?? [], lines));
    return {
      ...{ family, name },
      chains: new Map(own.map((chain) => [chain.name, chain])),
      sets: new Map(
        [...bodies('set'), ...bodies('map')].filter(isHere).map((set) => [textOf(set['name']), elementsOf(set)]),
      ),
    };
  });
}

const keyOf = (body: Json, chain: unknown): string => JSON.stringify([body['family'], body['table'], chain]);

function chainOf(chain: Json, rules: readonly Json[], lines: ReadonlyMap<number, string>): Chain {
  const { hook, policy, prio } = chain;
  return {
    ...{ family: textOf(chain['family']), table: textOf(chain['table']), name: textOf(chain['name']) },
    ...(typeof hook === 'string' ? { hook } : {}),
    ...(typeof policy === 'string' ? { policy } : {}),
    ...(typeof prio === 'number' ? { priority: prio } : {}),
    rules: rules.map((rule): Rule => {
      const handle = Number(rule['handle']);
      const text = lines.get(handle);
      return { handle, statements: listOf(rule['expr']), ...(text === undefined ? {} : { text }) };
    }),
  };
}

function linesByHandle(text: string): ReadonlyMap<number, string> {
  const lines = text.split('\n').flatMap((line): readonly (readonly [number, string])[] => {
    const [, words = '', handle = ''] = /^\s*(.*?)\s*# handle (\d+)$/.exec(line) ?? [];
    return handle === '' ? [] : [[Number(handle), words]];
  });
  return new Map(lines);
}

/** A set whose elements a rule adds has a time-out or the flag; nft 1.0.6 prints only the first. */
function elementsOf(set: Json): readonly unknown[] | undefined {
  const flags = [set['flags']].flat();
  const grows = flags.includes('dynamic') || flags.includes('timeout');
  return grows ? undefined : listOf(set['elem']);
}
