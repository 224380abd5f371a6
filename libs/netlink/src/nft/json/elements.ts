/** Elements of sets and maps between JSON and messages. The kernel knows no types, so those of the set must be known. */
import type { Data, Verdict } from '../data.ts';
import type { TypeNames } from '../datatype.ts';
import type { Element } from '../element.ts';
import { intervalElements, prefixRange, type Range } from '../interval.ts';
import type { Set as KernelSet } from '../set.ts';
import { concat, split } from '../value.ts';
import { isObject, type Json, objectIn, only, textIn, UnsupportedJson } from './json.ts';
import { type Kind, kindOf } from './kind.ts';

/** What a set's elements are. */
export interface ElementTypes {
  readonly key: TypeNames;
  readonly data?: TypeNames | 'verdict';
  readonly interval?: boolean;
}

/** The types of a set that exists, to make messages for its elements. @throws NetlinkError ENOENT. UnsupportedJson. */
export function elementTypes(set: KernelSet): ElementTypes {
  const { key, data, isMap, interval } = set;
  if (key === undefined || (isMap && data === undefined))
    throw new UnsupportedJson('a type that is not supported', set.set);
  return { key, ...(data === undefined ? {} : { data }), ...(interval ? { interval } : {}) };
}

export const kindsOf = (types: TypeNames): readonly Kind[] =>
  (typeof types === 'string' ? [types] : types).map((type) => kindOf(type));

const VERDICTS = ['accept', 'drop', 'continue', 'return'] as const;

/** A verdict; undefined for everything else. */
export function parseVerdict(json: Json): Verdict | undefined {
  const [name, inner] = only(json) ?? ['', null];
  if (name === 'jump') return { jump: textIn(objectIn(inner, 'jump'), 'target') };
  if (name === 'goto') return { goto: textIn(objectIn(inner, 'goto'), 'target') };
  return VERDICTS.find((verdict) => verdict === name);
}

export function printVerdict(verdict: Verdict): Json {
  if (typeof verdict === 'string') return { [verdict]: null };
  return 'jump' in verdict ? { jump: { target: verdict.jump } } : { goto: { target: verdict.goto } };
}

/** Elements of a set; of a set of ranges their ends are among them. @throws UnsupportedJson. */
export function parseElements(list: readonly Json[], types: ElementTypes): Element[] {
  const kinds = kindsOf(types.key);
  const parsed = list.map((json) => parseElement(json, kinds, types));
  if (types.interval !== true || kinds.length > 1) {
    return parsed.map(({ from, to, ...rest }) => ({
      key: from,
      ...rest,
      ...(types.interval === true ? { keyEnd: to } : {}),
    }));
  }
  return intervalElements(parsed);
}

function parseElement(json: Json, kinds: readonly Kind[], { data: dataType }: ElementTypes): Range {
  // A map's element is a pair.
  const pair = dataType === undefined ? [json] : json;
  if (!Array.isArray(pair)) throw new UnsupportedJson('an element of a map is a pair', json);
  const [left, right] = pair as readonly Json[];
  const [wrapped, inner] = only(left) ?? ['', null];
  const element = wrapped === 'elem' ? objectIn(inner, 'elem') : undefined;
  const key = element === undefined ? left : element['val'];
  if (key === undefined) throw new UnsupportedJson('an element without a value', json);
  const comment = element?.['comment'];
  const data = right === undefined || dataType === undefined ? undefined : parseData(right, dataType);
  return {
    ...parseKey(key, kinds),
    ...(data === undefined ? {} : { data }),
    ...(typeof comment === 'string' ? { comment } : {}),
  };
}

/** A key, as the range from it to itself, or a range. */
function parseKey(json: Json, kinds: readonly Kind[]): { from: Uint8Array; to: Uint8Array } {
  const parts = only(json)?.[0] === 'concat' ? (only(json)?.[1] as readonly Json[]) : [json];
  if (parts.length !== kinds.length) throw new UnsupportedJson(`a key of ${kinds.length} fields is wanted`, json);
  const ranges = parts.map((part, index) => parseRange(part, kinds[index] as Kind));
  const join = (end: 'from' | 'to'): Uint8Array =>
    ranges.length === 1 ? ranges[0]![end] : concat(...ranges.map((range) => range[end]));
  return { from: join('from'), to: join('to') };
}

/** A value, `{ prefix: … }` or `{ range: [from, to] }`. */
export function parseRange(json: Json, kind: Kind): { from: Uint8Array; to: Uint8Array } {
  const [name, inner] = only(json) ?? ['', null];
  if (name === 'prefix' && isObject(inner)) return prefixRange(kind.parse(inner['addr'] ?? null), Number(inner['len']));
  if (name === 'range' && Array.isArray(inner)) {
    const [from, to] = inner as readonly Json[];
    return { from: kind.parse(from ?? null), to: kind.parse(to ?? null) };
  }
  const value = kind.parse(json);
  return { from: value, to: value };
}

function parseData(json: Json, type: TypeNames | 'verdict'): Data {
  if (type !== 'verdict') return parseKey(json, kindsOf(type)).from;
  const verdict = parseVerdict(json);
  if (verdict === undefined) throw new UnsupportedJson('not a verdict', json);
  return verdict;
}

/** As nft prints them. Of ranges the ends are no elements. */
export function printElements(elements: readonly Element[], types: ElementTypes): Json[] {
  const kinds = kindsOf(types.key);
  const isRanges = types.interval === true && kinds.length === 1;
  const sorted = isRanges ? [...elements].sort((a, b) => compare(a, b)) : elements;
  return sorted.flatMap((element, index) => {
    if (element.isEnd === true) return [];
    const { key, keyEnd, comment, data } = element;
    const next = sorted[index + 1];
    const last = isRanges ? predecessor(next?.key ?? new Uint8Array(key.length)) : (keyEnd ?? key);
    const value = printKey(key, last, kinds);
    const left: Json = comment === undefined ? value : { elem: { val: value, comment } };
    if (data === undefined || types.data === undefined) return [left];
    return [[left, printData(data, types.data)]];
  });
}

const compare = (a: Element, b: Element): number => {
  const at = a.key.findIndex((byte, index) => byte !== b.key[index]);
  if (at >= 0) return a.key[at]! - b.key[at]!;
  // What ends here comes before what begins here.
  return Number(b.isEnd === true) - Number(a.isEnd === true);
};

function printData(data: Data, type: TypeNames | 'verdict'): Json {
  if (!(data instanceof Uint8Array)) return printVerdict(data);
  return type === 'verdict' ? null : printKey(data, data, kindsOf(type));
}

function printKey(from: Uint8Array, to: Uint8Array, kinds: readonly Kind[]): Json {
  if (kinds.length === 1) return printRange(from, to, kinds[0] as Kind);
  const sizes = kinds.map(({ size }) => size);
  const [starts, ends] = [split(from, ...sizes), split(to, ...sizes)];
  return { concat: kinds.map((kind, index) => printRange(starts[index]!, ends[index]!, kind)) };
}

export function printRange(from: Uint8Array, to: Uint8Array, kind: Kind): Json {
  if (from.every((byte, index) => byte === to[index])) return kind.print(from);
  const len = prefixLength(from, to);
  // Names of links that begin alike.
  if (kind.type === 'ifname' && len !== undefined && len % 8 === 0) return `${String(kind.print(from))}*`;
  if (kind.type === 'ifname') throw new UnsupportedJson('a range of names', [kind.print(from)]);
  const isAddress = kind.type === 'ipv4_addr' || kind.type === 'ipv6_addr';
  return isAddress && len !== undefined
    ? { prefix: { addr: kind.print(from), len } }
    : { range: [kind.print(from), kind.print(to)] };
}

/** The length of the prefix that is all of a range; undefined when none is. */
function prefixLength(from: Uint8Array, to: Uint8Array): number | undefined {
  const bits = from.length * 8;
  for (let length = 0; length <= bits; length += 1) {
    const range = prefixRange(from, length);
    if (same(range.from, from) && same(range.to, to)) return length;
  }
  return undefined;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, index) => byte === b[index]);

/** The key before; the highest before zero, which is where a range without an end ends. */
function predecessor(key: Uint8Array): Uint8Array {
  const bytes = key.slice();
  for (let at = bytes.length - 1; at >= 0; at -= 1) {
    bytes[at] = (bytes[at]! - 1) & 0xff;
    if (bytes[at] !== 0xff) break;
  }
  return bytes;
}
