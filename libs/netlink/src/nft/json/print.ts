/** What the kernel has, as objects of nft's JSON language: what `nft -j list` prints of it, but for `metainfo`. */
import { ENOENT } from '@flatnet/sys';
import { dump, find } from '../../request.ts';
import type { Socket } from '../../socket.ts';
import { type Chain, type ChainRef, getChain, listChains } from '../chain.ts';
import { type TableRef } from '../family.ts';
import { readConsistently } from '../generation.ts';
import { readElements } from '../read-elements.ts';
import { listRules, listTableRules, type Rule } from '../rule.ts';
import { getSet, listSets, type Set as KernelSet, type SetRef } from '../set.ts';
import { getTable } from '../table.ts';
import { elementTypes, printElements } from './elements.ts';
import { type Json, type JsonObject, UnsupportedJson } from './json.ts';
import { printRule } from './print-rule.ts';
import type { SetPrinter } from './print-state.ts';

/**
 * A table with its chains, sets, maps and rules, or undefined when it does not exist.
 *
 * @param terse leaves out the elements of named sets and maps.
 * @throws NetlinkError; UnsupportedJson of a rule or set that has no form here.
 */
export const printTable = (socket: Socket, table: TableRef, terse = false): JsonObject[] | undefined =>
  readConsistently(socket, () => readTable(socket, table, terse));

function readTable(socket: Socket, table: TableRef, terse: boolean): JsonObject[] | undefined {
  const found = find(socket, getTable(table), ENOENT);
  if (found === undefined) return undefined;
  const sets = dump(socket, listSets(table));
  const printer = anonymousSets(socket, sets);
  return [
    { table: { family: table.family, name: table.table, handle: Number(found.handle) } },
    ...dump(socket, listChains(table)).map((chain) => chainObject(chain)),
    ...sets.filter(({ anonymous }) => !anonymous).map((set) => setObject(socket, set, terse)),
    ...dump(socket, listTableRules(table)).map((rule) => ruleObject(rule, printer)),
  ];
}

/** All chains of all tables, without their rules. @throws NetlinkError. */
export const printChains = (socket: Socket): JsonObject[] =>
  dump(socket, listChains()).map((chain) => chainObject(chain));

/**
 * A chain with its rules; undefined when it does not exist.
 *
 * @param terse leaves the rules out: those of another program may have no form here.
 * @throws as `printTable`.
 */
export const printChain = (socket: Socket, ref: ChainRef, terse = false): JsonObject[] | undefined =>
  readConsistently(socket, () => readChain(socket, ref, terse));

function readChain(socket: Socket, ref: ChainRef, terse: boolean): JsonObject[] | undefined {
  const chain = find(socket, getChain(ref), ENOENT);
  if (chain === undefined || terse) return chain === undefined ? undefined : [chainObject(chain)];
  const rules = dump(socket, listRules(ref));
  const isAnonymous = rules.some(({ expressions }) =>
    expressions.some((expression) => expression.kind === 'lookup' && expression.set.startsWith('__')),
  );
  const printer = anonymousSets(socket, isAnonymous ? dump(socket, listSets(ref)) : []);
  return [chainObject(chain, chain.uses), ...rules.map((rule) => ruleObject(rule, printer))];
}

/** A set or map with its elements; undefined when it does not exist. @throws as `printTable`. */
export function printSet(socket: Socket, ref: SetRef): JsonObject[] | undefined {
  const set = find(socket, getSet(ref), ENOENT);
  return set === undefined ? undefined : [setObject(socket, set, false)];
}

function anonymousSets(socket: Socket, sets: readonly KernelSet[]): SetPrinter {
  const anonymous = new Map(sets.filter((set) => set.anonymous).map((set) => [set.set, set]));
  return (name) => {
    const set = anonymous.get(name);
    return set === undefined ? undefined : printElements(readElements(socket, set), elementTypes(set));
  };
}

/** @param uses how many rules are in the chain and how many lead to it: the program does not print it. */
const chainObject = ({ family, table, chain, handle, base, comment }: Chain, uses?: number): JsonObject => ({
  chain: {
    family,
    table,
    name: chain,
    handle: Number(handle),
    ...(comment === undefined ? {} : { comment }),
    ...(uses === undefined ? {} : { uses }),
    ...(base === undefined ? {} : { type: base.type, hook: base.hook, prio: base.priority, policy: base.policy }),
  },
});

function setObject(socket: Socket, set: KernelSet, terse: boolean): JsonObject {
  const { family, table, set: name, isMap, size, comment } = set;
  const types = elementTypes(set);
  const elem = terse ? [] : printElements(readElements(socket, set), types);
  const object: Record<string, Json> = { family, name, table, handle: Number(set.handle), type: types.key as Json };
  if (types.data !== undefined) object['map'] = types.data as Json;
  if (types.interval === true) object['flags'] = ['interval'];
  if (size !== undefined) object['size'] = size;
  if (comment !== undefined) object['comment'] = comment;
  if (elem.length > 0) object['elem'] = elem;
  return { [isMap ? 'map' : 'set']: object };
}

function ruleObject({ family, table, chain, handle, comment, expressions }: Rule, sets: SetPrinter): JsonObject {
  const expr = printRule(expressions, family, sets);
  if (expr === undefined)
    throw new UnsupportedJson('a rule that is not supported', `${family} ${table} ${chain} ${handle}`);
  return {
    rule: {
      family,
      table,
      chain,
      handle: Number(handle),
      ...(comment === undefined ? {} : { comment }),
      expr,
    },
  };
}
