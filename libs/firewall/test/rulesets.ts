/** Rulesets as nft prints them: recorded ones of other programs, and short ones for single expressions. */
import { readFileSync } from 'node:fs';
import { parseCidr } from '@flatnet/addressing';
import { judge, tablesOf, type Judgement, type Network, type Table } from '../src/index.ts';

export const NETWORK: Network = { bridge: 'br0', subnets: [parseCidr('10.60.0.0/24')] };
export const UPLINKS = { usual: 'eth0', others: ['eth1'] };

/** A recorded ruleset: `objects` of `nft -j list ruleset`, and the rules' lines of `nft -a list ruleset` by table. */
export function recorded(name: string): readonly Table[] {
  const file = readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8');
  const { objects, texts } = JSON.parse(file) as {
    objects: Record<string, unknown>[];
    texts: Record<string, string[]>;
  };
  return tablesOf(objects, new Map(Object.entries(texts).map(([table, lines]) => [table, lines.join('\n')])));
}

type Rule = readonly object[];

/** A table `inet fw` with one base chain `forward` and other chains. */
export function table(
  rules: readonly Rule[],
  { policy = 'accept', family = 'inet', chains = {}, objects = [] as readonly object[] }: TableOptions = {},
): readonly Table[] {
  const all = { forward: rules, ...chains };
  const base = { type: 'filter', hook: 'forward', prio: 0, policy };
  let handle = 0;
  return tablesOf([
    ...Object.keys(all).map((name) => ({
      chain: { family, table: 'fw', name, ...(name === 'forward' ? base : {}) },
    })),
    ...Object.entries(all).flatMap(([chain, list]) =>
      list.map((expr) => ({ rule: { family, table: 'fw', chain, handle: ++handle, expr } })),
    ),
    ...(objects as Record<string, unknown>[]),
  ]);
}

interface TableOptions {
  readonly policy?: string;
  readonly family?: string;
  readonly chains?: Readonly<Record<string, readonly Rule[]>>;
  readonly objects?: readonly object[];
}

export const ACCEPT = { accept: null };
export const DROP = { drop: null };
export const REJECT = { reject: { type: 'icmpx', expr: 'admin-prohibited' } };
export const match = (left: object, right: unknown, op = '=='): object => ({ match: { op, left, right } });
export const meta = (key: string): object => ({ meta: { key } });
export const payload = (protocol: string, field: string): object => ({ payload: { protocol, field } });
export const ct = (key: string): object => ({ ct: { key } });
export const ANSWERS: Rule = [match(ct('state'), ['established', 'related'], 'in'), ACCEPT];

export const judged = (tables: readonly Table[], network = NETWORK, unreadable: readonly string[] = []): Judgement =>
  judge(network, { tables, uplinks: UPLINKS, unreadable });
