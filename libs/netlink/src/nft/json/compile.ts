/**
 * Commands of nft's JSON language to messages: what `nft -j -f` would send for them. It knows the statements that filters, translation and
 * published ports need; what it does not know is `UnsupportedJson`, and nothing is sent.
 */
import type { Message } from '../../message.ts';
import { addChain, type Base, deleteChain, HOOKS } from '../chain.ts';
import type { TypeNames } from '../datatype.ts';
import { addElements, createElements, deleteElements, flushSet } from '../element.ts';
import type { Family, TableRef } from '../family.ts';
import { addRule, deleteRule, flushChain, insertRule } from '../rule.ts';
import { addSet, deleteSet, type SetRef, type SetSpec } from '../set.ts';
import { addTable, deleteTable } from '../table.ts';
import type { Context } from './compile-context.ts';
import { compileStatement } from './compile-rule.ts';
import { type ElementTypes, kindsOf, parseElements } from './elements.ts';
import { type Json, type JsonObject, objectIn, only, textIn, UnsupportedJson } from './json.ts';

/** The messages of a transaction, and which command each came from: `NetlinkError.index` counts messages. */
export interface Compiled {
  readonly messages: readonly Message[];
  readonly commandOf: readonly number[];
}

/** @param typesOf types of a set that the commands do not make themselves: the kernel's, by `getSet`. */
export function compileCommands(commands: readonly Json[], typesOf: (set: SetRef) => ElementTypes): Compiled {
  const messages: Message[] = [];
  const commandOf: number[] = [];
  const made = new Map<string, ElementTypes>();
  let lastId = 0;
  const state: State = {
    typesOf: (set) => made.get(keyOf(set)) ?? typesOf(set),
    remember: (set) => void made.set(keyOf(set), set),
    nextId: () => (lastId += 1),
  };
  commands.forEach((command, index) => {
    for (const message of compileCommand(command, state)) {
      messages.push(message);
      commandOf.push(index);
    }
  });
  return { messages, commandOf };
}

interface State {
  typesOf(set: SetRef): ElementTypes;
  remember(set: SetSpec): void;
  nextId(): number;
}

const keyOf = ({ family, table, set }: SetRef): string => `${family} ${table} ${set}`;

type Verb = 'add' | 'create' | 'insert' | 'delete' | 'flush';
const VERBS: readonly string[] = ['add', 'create', 'insert', 'delete', 'flush'] satisfies readonly Verb[];

function compileCommand(command: Json, state: State): readonly Message[] {
  const [verb, object] = only(command) ?? ['', null];
  const [kind, inner] = only(object) ?? ['', null];
  if (!VERBS.includes(verb)) throw new UnsupportedJson('a command that is not supported', command);
  const value = objectIn(inner, kind);
  const family = textIn(value, 'family') as Family;
  if (kind === 'table') return tableCommand(verb as Verb, { family, table: textIn(value, 'name') });
  const at = { family, table: textIn(value, 'table') };
  if (kind === 'chain') return chainCommand(verb as Verb, at, value);
  if (kind === 'rule') return ruleCommand(verb as Verb, at, value, state);
  if (kind === 'set' || kind === 'map') return setCommand(verb as Verb, at, value, state);
  if (kind === 'element') return elementCommand(verb as Verb, at, value, state);
  throw new UnsupportedJson('an object that is not supported', command);
}

function tableCommand(verb: Verb, table: TableRef): readonly Message[] {
  if (verb === 'add' || verb === 'create') return [addTable(table, verb === 'create')];
  if (verb === 'delete') return [deleteTable(table)];
  throw new UnsupportedJson(`${verb} of a table is not supported`, table.table);
}

function chainCommand(verb: Verb, at: TableRef, value: JsonObject): readonly Message[] {
  const chain = { ...at, chain: textIn(value, 'name') };
  if (verb === 'delete') return [deleteChain(chain)];
  if (verb === 'flush') return [flushChain(chain)];
  const { hook, comment } = value;
  return [
    addChain(
      {
        ...chain,
        ...(hook === undefined ? {} : { base: baseOf(value) }),
        ...(typeof comment === 'string' ? { comment } : {}),
      },
      verb === 'create',
    ),
  ];
}

function baseOf({ type, hook, prio, policy }: JsonObject): Base {
  const known = HOOKS.find((each) => each === hook);
  if (known === undefined || typeof prio !== 'number')
    throw new UnsupportedJson('a hook that is not supported', { hook: hook ?? null });
  return { type: type as Base['type'], hook: known, priority: prio, policy: policy === 'drop' ? 'drop' : 'accept' };
}

function ruleCommand(verb: Verb, at: TableRef, value: JsonObject, state: State): readonly Message[] {
  const chain = { ...at, chain: textIn(value, 'chain') };
  const { expr, comment, handle } = value;
  if (verb === 'delete' && typeof handle === 'number') return [deleteRule({ ...chain, handle: BigInt(handle) })];
  if ((verb !== 'add' && verb !== 'insert') || !Array.isArray(expr))
    throw new UnsupportedJson('a rule that is not supported', value);
  const context: Context = {
    table: at,
    expressions: [],
    sets: [],
    nextId: state.nextId,
    typesOf: (set) => state.typesOf({ ...at, set }),
  };
  for (const statement of expr as readonly Json[]) compileStatement(context, statement);
  const rule = { ...chain, expressions: context.expressions, ...(typeof comment === 'string' ? { comment } : {}) };
  return [...context.sets, verb === 'add' ? addRule(rule) : insertRule(rule)];
}

function setCommand(verb: Verb, at: TableRef, value: JsonObject, state: State): readonly Message[] {
  const ref = { ...at, set: textIn(value, 'name') };
  if (verb === 'delete') return [deleteSet(ref, Array.isArray(value['elem']))];
  if (verb === 'flush') return [flushSet(ref)];
  const { type, map, flags, size, comment, elem } = value;
  // Types that are not in the table are refused here.
  for (const types of [type, map]) if (types !== undefined && types !== 'verdict') kindsOf(types as TypeNames);
  const set: SetSpec = {
    ...ref,
    key: type as TypeNames,
    ...(map === undefined ? {} : { data: map as TypeNames | 'verdict' }),
    ...(Array.isArray(flags) && flags.includes('interval') ? { interval: true } : {}),
    ...(typeof size === 'number' ? { size } : {}),
    ...(typeof comment === 'string' ? { comment } : {}),
  };
  state.remember(set);
  const elements = Array.isArray(elem) ? addElements(ref, parseElements(elem as readonly Json[], set)) : [];
  return [addSet(set, verb === 'create'), ...elements];
}

function elementCommand(verb: Verb, at: TableRef, value: JsonObject, state: State): readonly Message[] {
  const set = { ...at, set: textIn(value, 'name') };
  const { elem } = value;
  if (!Array.isArray(elem)) throw new UnsupportedJson('elements that are not a list', value);
  const types = state.typesOf(set);
  if (verb === 'delete') {
    // A key alone, though of a map. That nothing holds at zero stays said.
    const keys = { key: types.key, ...(types.interval === true ? { interval: true } : {}) };
    const parsed = parseElements(elem as readonly Json[], keys);
    return deleteElements(set, parsed[0]?.isEnd === true ? parsed.slice(1) : parsed);
  }
  const elements = parseElements(elem as readonly Json[], types);
  return verb === 'create' ? createElements(set, elements) : addElements(set, elements);
}
