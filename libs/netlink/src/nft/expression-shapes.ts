/**
 * Which attribute of the kernel holds which field of an expression. The order is nft's; numbers are those of
 * linux/netfilter/nf_tables.h.
 */
import * as e from './expression.ts';
import { type Codec, data, enumOf, flags, int, inverted, listOf, long, name, small, value } from './field-codec.ts';

/** Attribute, field of the value, codec. A number in place of a field is what the attribute always holds. */
export type Field = readonly [attribute: number, field: string | number, codec: Codec];
export interface Shape {
  /** The kernel's name. */
  readonly name: string;
  readonly fields: readonly Field[];
  /** An attribute that only this kind has, of those with the same name. */
  readonly marker?: number;
}

/** A field; calls stand on a line where lists would not. */
const f = (attribute: number, field: string | number, codec: Codec): Field => [attribute, field, codec];

const metaKey = f(2, 'key', enumOf(e.META_KEYS));
const ctKey = f(2, 'key', enumOf(e.CT_KEYS));
const cmpOp = f(2, 'op', listOf(e.CMP_OPS));
const base = f(2, 'base', listOf(e.PAYLOAD_BASES));
const family = f(2, 'family', enumOf({ ip: 2, ip6: 10 }));
/** Of a TCP option: which, where in it, how long; and that it is one. */
const TCPOPT = 1;
const option = [f(2, 'option', small), f(3, 'offset', int), f(4, 'length', int), f(6, TCPOPT, int)];
const fromTo = [f(1, 'from', int), f(2, 'to', int)];

export const SHAPES: Readonly<Record<Exclude<e.Expression['kind'], 'unknown'>, Shape>> = {
  payload: { name: 'payload', marker: 1, fields: [f(1, 'to', int), base, f(3, 'offset', int), f(4, 'length', int)] },
  meta: { name: 'meta', marker: 1, fields: [metaKey, f(1, 'to', int)] },
  'meta-set': { name: 'meta', marker: 3, fields: [metaKey, f(3, 'from', int)] },
  ct: { name: 'ct', marker: 1, fields: [ctKey, f(1, 'to', int), f(3, 'direction', small)] },
  'ct-set': { name: 'ct', marker: 4, fields: [ctKey, f(4, 'from', int)] },
  fib: { name: 'fib', fields: [f(3, 'flags', int), f(2, 'result', enumOf(e.FIB_RESULTS)), f(1, 'to', int)] },
  rt: { name: 'rt', fields: [f(2, 'key', enumOf(e.RT_KEYS)), f(1, 'to', int)] },
  immediate: { name: 'immediate', fields: [f(1, 'to', int), f(2, 'value', value)] },
  cmp: { name: 'cmp', fields: [f(1, 'from', int), cmpOp, f(3, 'value', value)] },
  range: {
    name: 'range',
    fields: [f(1, 'from', int), f(2, 'op', listOf(['eq', 'neq'])), f(3, 'low', value), f(4, 'high', value)],
  },
  bitwise: {
    name: 'bitwise',
    marker: 4,
    fields: [...fromTo, f(3, 'length', int), f(4, 'mask', value), f(5, 'xor', value)],
  },
  byteorder: {
    name: 'byteorder',
    fields: [...fromTo, f(3, 'op', listOf(['ntoh', 'hton'])), f(4, 'length', int), f(5, 'size', int)],
  },
  lookup: {
    name: 'lookup',
    fields: [f(2, 'from', int), f(3, 'to', int), f(1, 'set', name), f(4, 'id', int), f(5, 'inverted', inverted)],
  },
  verdict: { name: 'immediate', fields: [f(1, 0, int), f(2, 'verdict', data)] },
  nat: {
    name: 'nat',
    fields: [
      f(1, 'type', listOf(e.NAT_TYPES)),
      family,
      f(3, 'address', int),
      f(4, 'addressMax', int),
      f(5, 'port', int),
      f(6, 'portMax', int),
      f(7, 'flags', flags),
    ],
  },
  masquerade: { name: 'masq', fields: [f(1, 'flags', flags), f(2, 'port', int), f(3, 'portMax', int)] },
  counter: { name: 'counter', fields: [f(1, 'bytes', long), f(2, 'packets', long)] },
  limit: {
    name: 'limit',
    fields: [
      f(1, 'rate', long),
      f(2, 'unit', long),
      f(3, 'burst', int),
      f(4, 'type', listOf(['packets', 'bytes'])),
      f(5, 'inverted', inverted),
    ],
  },
  fwd: { name: 'fwd', fields: [f(1, 'from', int)] },
  reject: { name: 'reject', fields: [f(1, 'type', listOf(e.REJECT_TYPES)), f(2, 'code', small)] },
  'tcp-option': { name: 'exthdr', marker: 1, fields: [f(1, 'to', int), ...option] },
  'tcp-option-set': { name: 'exthdr', marker: 7, fields: [f(7, 'from', int), ...option] },
};
