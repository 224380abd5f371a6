/** Comparisons of what a register holds. */
import type { Expression, Register } from '../expression.ts';
import { prefixRange } from '../interval.ts';
import { printRange } from './elements.ts';
import type { Source } from './field.ts';
import type { Json } from './json.ts';
import { KINDS } from './kind.ts';
import { say, type State } from './print-state.ts';

export function maskHeld(state: State, { from, to, mask, xor }: Expression & { kind: 'bitwise' }): boolean {
  const held = state.held.get(from);
  if (held === undefined || !('source' in held) || xor.some((byte) => byte !== 0)) return false;
  state.held.set(to, { ...held, masked: mask });
  return true;
}

export function compareHeld(state: State, { from, op, value }: Expression & { kind: 'cmp' }): boolean {
  const held = state.held.get(from);
  if (held === undefined || !('source' in held)) return false;
  const { source, length, masked } = held;
  const { kind, json } = source;
  if (op !== 'eq' && op !== 'neq') return compareOrder(state, source, op, value);
  const sign = op === 'eq' ? '==' : '!=';
  if (masked !== undefined) return compareMasked(state, source, masked, op, value);
  if (length < kind.size) {
    const addr = new Uint8Array(kind.size);
    addr.set(value);
    return say(state, {
      match: { op: sign, left: json, right: { prefix: { addr: kind.print(addr), len: length * 8 } } },
    });
  }
  // The beginning of a name of a link: it is compared without the zeros after it.
  const isBeginning = kind.type === 'ifname' && value.length < kind.size;
  const right = isBeginning ? `${String(kind.print(value))}*` : kind.print(value);
  const at = state.statements.length;
  say(state, { match: { op: sign, left: json, right } });
  if (op === 'eq') learn(state, source, value, at);
  return true;
}

/** `>= low` is kept until `<= high` makes it a range. */
function compareOrder(state: State, source: Source, op: string, value: Uint8Array): boolean {
  const SIGNS: Readonly<Record<string, string>> = { lt: '<', lte: '<=', gt: '>', gte: '>=' };
  const previous = state.statements.at(-1) as { match?: { op?: string; left?: Json; right?: Json } } | undefined;
  const low = previous?.match;
  if (op === 'lte' && low?.op === '>=' && JSON.stringify(low.left) === JSON.stringify(source.json)) {
    state.statements.pop();
    const right = { range: [low.right ?? null, source.kind.print(value)] };
    return say(state, { match: { op: '==', left: source.json, right } });
  }
  const { keys } = state;
  say(state, { match: { op: SIGNS[op] ?? '==', left: source.json, right: source.kind.print(value) } });
  state.keys = keys;
  return true;
}

function compareMasked(
  state: State,
  { kind, json }: Source,
  mask: Uint8Array,
  op: 'eq' | 'neq',
  value: Uint8Array,
): boolean {
  const isZero = value.every((byte) => byte === 0);
  if (kind.isBits === true && op === 'neq' && isZero)
    return say(state, { match: { op: 'in', left: json, right: kind.print(mask) } });
  const sign = op === 'eq' ? '==' : '!=';
  const length = prefixOf(mask);
  if (kind.isBits !== true && length !== undefined) {
    return say(state, { match: { op: sign, left: json, right: { prefix: { addr: kind.print(value), len: length } } } });
  }
  return say(state, {
    match: { op: sign, left: { '&': [json, kind.print(mask)] }, right: kind.print(value) },
  });
}

/** How many of the first bits a mask has; undefined when it has others. */
function prefixOf(mask: Uint8Array): number | undefined {
  const ones = new Uint8Array(mask.length).fill(0xff);
  for (let length = 0; length <= mask.length * 8; length += 1) {
    if (prefixRange(ones, length).from.every((byte, at) => byte === mask[at])) return length;
  }
  return undefined;
}

export function between(state: State, from: Register, low: Uint8Array, high: Uint8Array, isNot: boolean): boolean {
  const held = state.held.get(from);
  if (held === undefined || !('source' in held)) return false;
  const { json, kind } = held.source;
  return say(state, { match: { op: isNot ? '!=' : '==', left: json, right: printRange(low, high, kind) } });
}

/** What a comparison says of the protocol of what follows. */
function learn(state: State, { json, field }: Source, value: Uint8Array, at: number): void {
  const key = (json as { meta?: { key?: string } }).meta?.key;
  if (key === 'nfproto' || key === 'protocol' || (field?.base === 'link' && field.offset === 12)) {
    const name = key === 'nfproto' ? (value[0] === 2 ? 'ip' : 'ip6') : KINDS.ether_type.print(value);
    if (name !== 'ip' && name !== 'ip6' && name !== 'arp') return;
    state.l3 = name;
    state.implied.push({ layer: 3, protocol: name, at });
  }
  if (key === 'l4proto') {
    state.l4 = value[0] ?? 0;
    state.implied.push({ layer: 4, protocol: state.l4, at });
  }
}
