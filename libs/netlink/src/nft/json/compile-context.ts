/** What is known while a rule is turned into expressions. */
import type { Message } from '../../message.ts';
import type { TypeName } from '../datatype.ts';
import { addElements } from '../element.ts';
import { type Expression, registerAt } from '../expression.ts';
import type { TableRef } from '../family.ts';
import { addAnonymousSet, anonymousName } from '../set.ts';
import { be16, byte } from '../value.ts';
import { type ElementTypes, parseElements } from './elements.ts';
import { type L3, type Source, sourceOf } from './field.ts';
import { type Json, only, UnsupportedJson } from './json.ts';
import type { Kind } from './kind.ts';

export interface Context {
  readonly table: TableRef;
  readonly expressions: Expression[];
  /** The sets that the rule brings; they are sent before it. */
  readonly sets: Message[];
  /** The number for the next anonymous set of the transaction. */
  nextId(): number;
  /** The types of a set or map of the table. */
  typesOf(name: string): ElementTypes;
  /** The protocols that the rule has asked for by now. */
  l3?: L3;
  l4?: number;
}

const ETHERTYPES: Readonly<Record<L3, number>> = { ip: 0x800, ip6: 0x86dd, arp: 0x806 };
const NFPROTOS: Partial<Record<L3, number>> = { ip: 2, ip6: 10 };

export const equals = (value: Uint8Array): Expression => ({ kind: 'cmp', from: 1, op: 'eq', value });

/** Adds what ends the rule for packets of other protocols than those of a field, unless the rule has it. */
export function require(context: Context, { field }: Source): void {
  if (field?.l3 !== undefined && field.base === 'network') requireL3(context, field.l3, false);
  // In a bridge nothing else says what a protocol of both families is carried by.
  if (field?.l3 !== undefined && field.l4 !== undefined && context.table.family === 'bridge')
    requireL3(context, field.l3, true);
  if (field?.l4 !== undefined && context.l4 !== field.l4) {
    context.expressions.push({ kind: 'meta', key: 'l4proto', to: 1 }, equals(byte(field.l4)));
    context.l4 = field.l4;
  }
}

function requireL3(context: Context, l3: L3, byHeader: boolean): void {
  const { family } = context.table;
  if (context.l3 === l3 || family === l3) return;
  const nfproto = NFPROTOS[l3];
  if (family === 'inet' && nfproto !== undefined) {
    context.expressions.push({ kind: 'meta', key: 'nfproto', to: 1 }, equals(byte(nfproto)));
  } else if (byHeader || l3 === 'arp') {
    const ETHERTYPE_AT = 12;
    context.expressions.push(
      { kind: 'payload', base: 'link', offset: ETHERTYPE_AT, length: 2, to: 1 },
      equals(be16(ETHERTYPES[l3])),
    );
  } else {
    context.expressions.push({ kind: 'meta', key: 'protocol', to: 1 }, equals(be16(ETHERTYPES[l3])));
  }
  context.l3 = l3;
}

/** Loads a key, or the fields of a concatenation, from register 1 on; returns of which kinds they are. */
export function loadKey(context: Context, json: Json): readonly Kind[] {
  const [name, inner] = only(json) ?? ['', null];
  const sources = (name === 'concat' && Array.isArray(inner) ? (inner as readonly Json[]) : [json]).map(sourceOf);
  for (const source of sources) require(context, source);
  let word = 0;
  for (const source of sources) {
    context.expressions.push(source.load(registerAt(word)));
    word += (source.kind.size + 3) >> 2;
  }
  return sources.map(({ kind }) => kind);
}

/** A set that belongs to the rule. Returns how `lookup` names it. */
export function anonymousSet(
  context: Context,
  members: readonly Json[],
  kinds: readonly Kind[],
  data?: 'verdict',
): { readonly set: string; readonly id: number } {
  const types = kinds.map(({ type }) => {
    if (type === undefined) throw new UnsupportedJson('a set of these values is not supported', members);
    return type;
  });
  const key = types.length === 1 ? (types[0] as TypeName) : types;
  const text = JSON.stringify(members);
  const ranges = text.includes('{"prefix":') || text.includes('{"range":');
  const shape = { key, interval: ranges, ...(data === undefined ? {} : { data }) };
  const elements = parseElements(members, shape);
  const id = context.nextId();
  const set = anonymousName(shape);
  context.sets.push(
    addAnonymousSet({ ...context.table, ...shape, id, size: elements.length }),
    ...addElements({ ...context.table, set, id }, elements),
  );
  return { set, id };
}
