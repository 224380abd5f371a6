/** Statements of a rule to expressions, as nft 1.0.6 says them. */
import type { Expression } from '../expression.ts';
import { mask } from '../value.ts';
import { mangle, nat, natFlags, reject } from './compile-action.ts';
import { anonymousSet, type Context, loadKey, require } from './compile-context.ts';
import { parseRange, parseVerdict } from './elements.ts';
import { sourceOf } from './field.ts';
import { isObject, type Json, type JsonObject, objectIn, only, UnsupportedJson } from './json.ts';
import { type Kind, KINDS } from './kind.ts';

/** Adds the expressions of a statement. @throws UnsupportedJson. */
export function compileStatement(context: Context, statement: Json): void {
  const [name, inner] = only(statement) ?? ['', null];
  const verdict = parseVerdict(statement);
  if (verdict !== undefined) context.expressions.push({ kind: 'verdict', verdict });
  else if (name === 'match') match(context, objectIn(inner, 'match'));
  else if (name === 'vmap') vmap(context, objectIn(inner, 'vmap'));
  else if (name === 'snat' || name === 'dnat') nat(context, name, objectIn(inner, name));
  else if (name === 'masquerade') context.expressions.push({ kind: 'masquerade', ...natFlags(inner) });
  else if (name === 'mangle') mangle(context, objectIn(inner, 'mangle'));
  else if (name === 'reject') reject(context, inner);
  else if (name === 'counter') context.expressions.push({ kind: 'counter' });
  else throw new UnsupportedJson('a statement that is not supported', statement);
}

function match(context: Context, { op, left = null, right: given = null }: JsonObject): void {
  const isNot = op === '!=';
  const right = alone(given);
  const [operator, operands] = only(left) ?? ['', null];
  if (operator === '&' && Array.isArray(operands)) return masked(context, operands as readonly Json[], right, isNot);
  const kinds = loadKey(context, left);
  const kind = kinds[0] as Kind;
  const [shape, members] = only(right) ?? ['', null];
  if (typeof right === 'string' && right.startsWith('@')) {
    context.expressions.push({ kind: 'lookup', set: right.slice(1), from: 1, ...(isNot ? { inverted: true } : {}) });
  } else if (shape === 'set' && Array.isArray(members)) {
    const set = anonymousSet(context, members as readonly Json[], kinds);
    context.expressions.push({ kind: 'lookup', ...set, from: 1, ...(isNot ? { inverted: true } : {}) });
  } else if (shape === 'prefix' || shape === 'range') range(context, right, kind, isNot);
  else if (kind.isBits === true && op === 'in') {
    context.expressions.push(and(kind.parse(right)), {
      kind: 'cmp',
      from: 1,
      op: 'neq',
      value: new Uint8Array(kind.size),
    });
  } else {
    const value = kind.parse(right);
    context.expressions.push({ kind: 'cmp', from: 1, op: isNot ? 'neq' : 'eq', value });
    if (!isNot) learn(context, left, value);
  }
}

/** The member of a set of one: nft compares it without a set. */
function alone(right: Json): Json {
  const [shape, members] = only(right) ?? ['', null];
  return shape === 'set' && Array.isArray(members) && members.length === 1 ? (members[0] as Json) : right;
}

/** What a comparison says of the protocols of the packets that go on. */
function learn(context: Context, left: Json, value: Uint8Array): void {
  const key = isObject(left) && isObject(left['meta']) ? left['meta']['key'] : undefined;
  if (key === 'nfproto') context.l3 = value[0] === 2 ? 'ip' : 'ip6';
  if (key === 'protocol') {
    const name = KINDS.ether_type.print(value);
    if (name === 'ip' || name === 'ip6' || name === 'arp') context.l3 = name;
  }
  if (key === 'l4proto') context.l4 = value[0] ?? 0;
}

const and = (value: Uint8Array): Expression => ({
  kind: 'bitwise',
  from: 1,
  to: 1,
  length: value.length,
  mask: value,
  xor: new Uint8Array(value.length),
});

/** `{ "&": [field, bits] }` compared with bits. */
function masked(context: Context, [left = null, bits = null]: readonly Json[], right: Json, isNot: boolean): void {
  const source = sourceOf(left);
  require(context, source);
  const op = isNot ? 'neq' : 'eq';
  const value = source.kind.parse(right);
  context.expressions.push(source.load(1), and(source.kind.parse(bits)), { kind: 'cmp', from: 1, op, value });
}

/** A prefix of whole bytes is compared without a mask: less is loaded. */
function range(context: Context, right: Json, kind: Kind, isNot: boolean): void {
  const { expressions } = context;
  const { from, to } = parseRange(right, kind);
  const [name, inner] = only(right) ?? ['', null];
  const op = isNot ? 'neq' : 'eq';
  if (name === 'range') {
    if (isNot) expressions.push({ kind: 'range', from: 1, op, low: from, high: to });
    else
      expressions.push(
        { kind: 'cmp', from: 1, op: 'gte', value: from },
        { kind: 'cmp', from: 1, op: 'lte', value: to },
      );
    return;
  }
  const length = Number(objectIn(inner, 'prefix')['len']);
  const last = expressions.at(-1);
  if (length % 8 === 0 && length > 0 && last?.kind === 'payload') {
    expressions[expressions.length - 1] = { ...last, length: length / 8 };
    expressions.push({ kind: 'cmp', from: 1, op, value: from.subarray(0, length / 8) });
  } else expressions.push(and(mask(length, kind.size)), { kind: 'cmp', from: 1, op, value: from });
}

function vmap(context: Context, { key = null, data = null }: JsonObject): void {
  const kinds = loadKey(context, key);
  const [shape, members] = only(data) ?? ['', null];
  if (typeof data === 'string' && data.startsWith('@')) {
    context.expressions.push({ kind: 'lookup', set: data.slice(1), from: 1, to: 0 });
  } else if (shape === 'set' && Array.isArray(members)) {
    const set = anonymousSet(context, members as readonly Json[], kinds, 'verdict');
    context.expressions.push({ kind: 'lookup', ...set, from: 1, to: 0 });
  } else throw new UnsupportedJson('a verdict map that is not supported', data);
}
