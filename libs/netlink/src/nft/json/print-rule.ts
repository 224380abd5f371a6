/** Expressions of a rule to statements, as `nft -j list` prints them. */
import type { Expression } from '../expression.ts';
import { printVerdict } from './elements.ts';
import { ctSource, fibSource, metaSource } from './field.ts';
import type { Json } from './json.ts';
import { changeMeta, changeOption, flagsOf, printReject, translate } from './print-action.ts';
import { loadField, withoutDropped } from './print-load.ts';
import { between, compareHeld, maskHeld } from './print-match.ts';
import { hold, say, type SetPrinter, type State } from './print-state.ts';

/** Undefined where an expression has no form here: the rule was made by another program. */
export function printRule(expressions: readonly Expression[], family: string, sets: SetPrinter): Json[] | undefined {
  const state: State = {
    statements: [],
    held: new Map(),
    keys: [],
    implied: [],
    l3: family === 'ip' || family === 'ip6' ? family : undefined,
    l4: undefined,
  };
  for (const expression of expressions) if (!step(state, expression, sets)) return undefined;
  return withoutDropped(state.statements);
}

function step(state: State, expression: Expression, sets: SetPrinter): boolean {
  switch (expression.kind) {
    case 'payload':
      return loadField(state, expression);
    case 'meta':
      return hold(state, expression.to, {
        source: metaSource(expression.key),
        length: metaSource(expression.key).kind.size,
      });
    case 'ct':
      return hold(state, expression.to, {
        source: ctSource(expression.key),
        length: ctSource(expression.key).kind.size,
      });
    case 'fib':
      return hold(state, expression.to, {
        source: fibSource(expression.result, expression.flags),
        length: fibSource(expression.result, expression.flags).kind.size,
      });
    case 'bitwise':
      return maskHeld(state, expression);
    case 'cmp':
      return compareHeld(state, expression);
    case 'range':
      return between(state, expression.from, expression.low, expression.high, expression.op === 'neq');
    case 'lookup':
      return lookUp(state, expression, sets);
    case 'immediate':
      return hold(state, expression.to, { constant: expression.value });
    case 'rt':
      return hold(state, expression.to, { rt: expression.key === 'tcpmss' ? 'mtu' : expression.key });
    case 'byteorder':
      return true;
    case 'nat':
      return translate(state, expression);
    case 'masquerade':
      return say(state, { masquerade: flagsOf(expression.flags) ?? null });
    case 'counter':
      return say(state, {
        counter: { packets: Number(expression.packets ?? 0n), bytes: Number(expression.bytes ?? 0n) },
      });
    case 'reject':
      return printReject(state, expression);
    case 'verdict':
      return say(state, printVerdict(expression.verdict));
    case 'tcp-option-set':
      return changeOption(state, expression);
    case 'meta-set':
      return changeMeta(state, expression);
    default:
      return false;
  }
}

/** The key that was loaded: one field, or a concatenation. */
function keyOf(state: State): Json | undefined {
  const parts = state.keys.map((register) => {
    const held = state.held.get(register);
    return held !== undefined && 'source' in held ? held.source.json : undefined;
  });
  if (parts.length === 0 || parts.includes(undefined)) return undefined;
  return parts.length === 1 ? parts[0] : { concat: parts as Json[] };
}

function lookUp(state: State, { set, to, inverted }: Expression & { kind: 'lookup' }, sets: SetPrinter): boolean {
  const key = keyOf(state);
  if (key === undefined) return false;
  const members = sets(set);
  const data: Json = members === undefined ? `@${set}` : { set: members };
  if (to === undefined) return say(state, { match: { op: inverted === true ? '!=' : '==', left: key, right: data } });
  if (to === 0) return say(state, { vmap: { key, data } });
  state.keys = [];
  state.held.set(to, { mapped: { map: { key, data } } });
  return true;
}
