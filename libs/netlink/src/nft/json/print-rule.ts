/** Expressions of a rule to statements, as `nft -j list` prints them. */
import { type Expression, NAT_FLAGS, type Register } from '../expression.ts';
import { prefixRange } from '../interval.ts';
import { printRange, printVerdict } from './elements.ts';
import { ctSource, fibSource, fieldAt, type L3, metaSource, type Source } from './field.ts';
import type { Json, JsonObject } from './json.ts';
import { KINDS } from './kind.ts';

/** The elements of an anonymous set of the table, by the kernel's name of it. */
export type SetPrinter = (name: string) => readonly Json[] | undefined;

/** What a register holds. */
type Held =
  | { readonly source: Source; readonly length: number; readonly masked?: Uint8Array }
  | { readonly constant: Uint8Array }
  | { readonly mapped: Json }
  | { readonly rt: string };

/** A comparison that nft writes down only where no field of the protocol follows. */
interface Implied {
  readonly layer: 3 | 4;
  readonly protocol: L3 | number;
  readonly at: number;
}

interface State {
  readonly statements: Json[];
  readonly held: Map<Register, Held>;
  /** Registers of a key, in the order in which they were loaded. */
  keys: Register[];
  implied: Implied[];
  l3: L3 | undefined;
  l4: number | undefined;
}

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
  return state.statements;
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
      return hold(state, expression.to, { source: ctSource(expression.key), length: 4 });
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

/** A statement ends what was loaded for it. */
function say(state: State, statement: Json): true {
  state.statements.push(statement);
  state.keys = [];
  return true;
}

function hold(state: State, to: Register, held: Held): true {
  state.held.set(to, held);
  state.keys.push(to);
  return true;
}

function loadField(state: State, { base, offset, length, to }: Expression & { kind: 'payload' }): boolean {
  const protocols = base === 'link' ? ['ether'] : base === 'network' ? networkOf(state) : transportOf(state);
  for (const protocol of protocols) {
    const source = fieldAt(protocol, offset, length);
    if (source === undefined) continue;
    dropImplied(state, source);
    return hold(state, to, { source, length });
  }
  return false;
}

const networkOf = ({ l3 }: State): readonly string[] => (l3 === undefined ? [] : [l3]);

const TRANSPORTS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };
const transportOf = ({ l4 }: State): readonly string[] => {
  const known = l4 === undefined ? undefined : TRANSPORTS[l4];
  return known === undefined ? ['th'] : [known, 'th'];
};

/** The field says itself what was compared for it. */
function dropImplied(state: State, { field }: Source): void {
  if (field === undefined) return;
  for (const implied of state.implied) {
    if (implied.protocol === (implied.layer === 3 ? field.l3 : field.l4)) state.statements[implied.at] = DROPPED;
  }
  state.implied = state.implied.filter(({ at }) => state.statements[at] !== DROPPED);
}
const DROPPED: JsonObject = {};

/** The statements without those that others imply. */
export const withoutDropped = (statements: readonly Json[]): Json[] =>
  statements.filter((statement) => statement !== DROPPED);

function maskHeld(state: State, { from, to, mask, xor }: Expression & { kind: 'bitwise' }): boolean {
  const held = state.held.get(from);
  if (held === undefined || !('source' in held) || xor.some((byte) => byte !== 0)) return false;
  state.held.set(to, { ...held, masked: mask });
  return true;
}

function compareHeld(state: State, { from, op, value }: Expression & { kind: 'cmp' }): boolean {
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
  const at = state.statements.length;
  say(state, { match: { op: sign, left: json, right: kind.print(value) } });
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

function between(state: State, from: Register, low: Uint8Array, high: Uint8Array, isNot: boolean): boolean {
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

function translate(state: State, { type, family, address, port, flags }: Expression & { kind: 'nat' }): boolean {
  const kind = family === 'ip' ? KINDS.ipv4_addr : KINDS.ipv6_addr;
  const addr = address === undefined ? undefined : state.held.get(address);
  const to = port === undefined ? undefined : state.held.get(port);
  const isMapped = addr !== undefined && 'mapped' in addr;
  if (addr === undefined || !(isMapped || 'constant' in addr)) return false;
  return say(state, {
    [type]: {
      family,
      addr: isMapped ? addr.mapped : kind.print(addr.constant),
      ...(!isMapped && to !== undefined && 'constant' in to ? { port: KINDS.inet_service.print(to.constant) } : {}),
      ...flagsOf(flags),
    },
  });
}

function flagsOf(flags: number | undefined): JsonObject | undefined {
  if (flags === undefined) return undefined;
  const names: [string, number][] = [
    ['random', NAT_FLAGS.random],
    ['fully-random', NAT_FLAGS.fullyRandom],
    ['persistent', NAT_FLAGS.persistent],
  ];
  const set = names.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  return { flags: set.length === 1 ? (set[0] as string) : set };
}

function changeOption(state: State, { option, from }: Expression & { kind: 'tcp-option-set' }): boolean {
  const held = state.held.get(from);
  const MAXSEG = 2;
  if (option !== MAXSEG || held === undefined) return false;
  const value: Json | undefined =
    'rt' in held ? { rt: { key: held.rt } } : 'constant' in held ? KINDS.inet_service.print(held.constant) : undefined;
  if (value === undefined) return false;
  dropTcp(state);
  return say(state, { mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value } });
}

/** An option of TCP says itself that the packet is TCP. */
function dropTcp(state: State): void {
  const TCP = 6;
  for (const { layer, protocol, at } of state.implied) {
    if (layer === 4 && protocol === TCP) state.statements[at] = DROPPED;
  }
}

function changeMeta(state: State, { key, from }: Expression & { kind: 'meta-set' }): boolean {
  const held = state.held.get(from);
  if (held === undefined || !('constant' in held)) return false;
  const { json, kind } = metaSource(key);
  return say(state, { mangle: { key: json, value: kind.print(held.constant) } });
}
