/**
 * Expressions to bytes and back, by a table: which attribute of the kernel holds which field of the value. The order is nft's. Numbers are
 * those of linux/netfilter/nf_tables.h.
 */
import { type Attributes, optional, readAttributes, required, text, u32be, u64be, u8 } from '../reader.ts';
import {
  attribute,
  attributeText,
  attributeU32be,
  attributeU64be,
  attributeU8,
  nested,
  type Writer,
} from '../writer.ts';
import { NESTED } from './constants.ts';
import { type Data, readData, readValue, writeData } from './data.ts';
import * as e from './expression.ts';

type Expression = e.Expression;
type Values = Record<string, unknown>;

/** How a field is written and read. */
interface Codec {
  write(writer: Writer, type: number, value: never): void;
  read(bytes: Uint8Array): unknown;
}

const int: Codec = { write: attributeU32be, read: u32be };
const small: Codec = { write: attributeU8, read: u8 };
const long: Codec = { write: attributeU64be, read: u64be };
const name: Codec = { write: attributeText, read: text };
const value: Codec = { write: (writer, type, data: Uint8Array) => writeData(writer, type, data), read: readValue };
const data: Codec = { write: (writer, type, verdict: Data) => writeData(writer, type, verdict), read: readData };

/** A number by its name. */
const enumOf = (names: Readonly<Record<string, number>>): Codec => ({
  write: (writer, type, key: string) => attributeU32be(writer, type, names[key] ?? 0),
  read(bytes) {
    const number = u32be(bytes);
    const key = Object.keys(names).find((each) => names[each] === number);
    if (key === undefined) throw new UnknownValue();
    return key;
  },
});
const listOf = (names: readonly string[]): Codec =>
  enumOf(Object.fromEntries(names.map((each, index) => [each, index])));

/** NFT_LOOKUP_F_INV, NFT_LIMIT_F_INV: the only flag. */
const inverted: Codec = {
  write: (writer, type, value: boolean) => attributeU32be(writer, type, Number(value)),
  read: (bytes) => (u32be(bytes) === 0 ? undefined : true),
};
/** Flags of which none is as good as absent. */
const flags: Codec = { write: attributeU32be, read: (bytes) => u32be(bytes) || undefined };

/** A foreign rule may use a key that has no name here; such an expression is read as `unknown`. */
class UnknownValue extends Error {}

/** Attribute, field of the value, codec. A number in place of a field is what the attribute always holds. */
type Field = readonly [attribute: number, field: string | number, codec: Codec];
interface Shape {
  /** The kernel's name. */
  readonly name: string;
  readonly fields: readonly Field[];
  /** An attribute that only this kind has, of those with the same name. */
  readonly marker?: number;
}

const TCPOPT = 1;

const SHAPES: Readonly<Record<Exclude<Expression['kind'], 'unknown'>, Shape>> = {
  payload: {
    name: 'payload',
    marker: 1,
    fields: [
      [1, 'to', int],
      [2, 'base', listOf(e.PAYLOAD_BASES)],
      [3, 'offset', int],
      [4, 'length', int],
    ],
  },
  meta: {
    name: 'meta',
    marker: 1,
    fields: [
      [2, 'key', enumOf(e.META_KEYS)],
      [1, 'to', int],
    ],
  },
  'meta-set': {
    name: 'meta',
    marker: 3,
    fields: [
      [2, 'key', enumOf(e.META_KEYS)],
      [3, 'from', int],
    ],
  },
  ct: {
    name: 'ct',
    marker: 1,
    fields: [
      [2, 'key', enumOf(e.CT_KEYS)],
      [1, 'to', int],
      [3, 'direction', small],
    ],
  },
  'ct-set': {
    name: 'ct',
    marker: 4,
    fields: [
      [2, 'key', enumOf(e.CT_KEYS)],
      [4, 'from', int],
    ],
  },
  fib: {
    name: 'fib',
    fields: [
      [3, 'flags', int],
      [2, 'result', enumOf(e.FIB_RESULTS)],
      [1, 'to', int],
    ],
  },
  rt: {
    name: 'rt',
    fields: [
      [2, 'key', enumOf(e.RT_KEYS)],
      [1, 'to', int],
    ],
  },
  immediate: {
    name: 'immediate',
    fields: [
      [1, 'to', int],
      [2, 'value', value],
    ],
  },
  cmp: {
    name: 'cmp',
    fields: [
      [1, 'from', int],
      [2, 'op', listOf(e.CMP_OPS)],
      [3, 'value', value],
    ],
  },
  range: {
    name: 'range',
    fields: [
      [1, 'from', int],
      [2, 'op', listOf(['eq', 'neq'])],
      [3, 'low', value],
      [4, 'high', value],
    ],
  },
  bitwise: {
    name: 'bitwise',
    marker: 4,
    fields: [
      [1, 'from', int],
      [2, 'to', int],
      [3, 'length', int],
      [4, 'mask', value],
      [5, 'xor', value],
    ],
  },
  byteorder: {
    name: 'byteorder',
    fields: [
      [1, 'from', int],
      [2, 'to', int],
      [3, 'op', listOf(['ntoh', 'hton'])],
      [4, 'length', int],
      [5, 'size', int],
    ],
  },
  lookup: {
    name: 'lookup',
    fields: [
      [2, 'from', int],
      [3, 'to', int],
      [1, 'set', name],
      [4, 'id', int],
      [5, 'inverted', inverted],
    ],
  },
  verdict: {
    name: 'immediate',
    fields: [
      [1, 0, int],
      [2, 'verdict', data],
    ],
  },
  nat: {
    name: 'nat',
    fields: [
      [1, 'type', listOf(e.NAT_TYPES)],
      [2, 'family', enumOf({ ip: 2, ip6: 10 })],
      [3, 'address', int],
      [4, 'addressMax', int],
      [5, 'port', int],
      [6, 'portMax', int],
      [7, 'flags', flags],
    ],
  },
  masquerade: {
    name: 'masq',
    fields: [
      [1, 'flags', flags],
      [2, 'port', int],
      [3, 'portMax', int],
    ],
  },
  counter: {
    name: 'counter',
    fields: [
      [1, 'bytes', long],
      [2, 'packets', long],
    ],
  },
  limit: {
    name: 'limit',
    fields: [
      [1, 'rate', long],
      [2, 'unit', long],
      [3, 'burst', int],
      [4, 'type', listOf(['packets', 'bytes'])],
      [5, 'inverted', inverted],
    ],
  },
  reject: {
    name: 'reject',
    fields: [
      [1, 'type', listOf(e.REJECT_TYPES)],
      [2, 'code', small],
    ],
  },
  'tcp-option': {
    name: 'exthdr',
    marker: 1,
    fields: [
      [1, 'to', int],
      [2, 'option', small],
      [3, 'offset', int],
      [4, 'length', int],
      [6, TCPOPT, int],
    ],
  },
  'tcp-option-set': {
    name: 'exthdr',
    marker: 7,
    fields: [
      [7, 'from', int],
      [2, 'option', small],
      [3, 'offset', int],
      [4, 'length', int],
      [6, TCPOPT, int],
    ],
  },
};

/** NFTA_EXPR_* */
const NAME = 1;
const DATA = 2;

/** The name and attributes of an expression, in an attribute of a list. */
export function writeExpression(writer: Writer, expression: Expression): void {
  if (expression.kind === 'unknown') {
    attributeText(writer, NAME, expression.name);
    return attribute(writer, DATA | NESTED, expression.data);
  }
  const shape = SHAPES[expression.kind];
  const values = expression as unknown as Values;
  attributeText(writer, NAME, shape.name);
  nested(writer, DATA | NESTED, () => {
    for (const [type, field, codec] of shape.fields) {
      const value = typeof field === 'number' ? field : values[field];
      if (value !== undefined) codec.write(writer, type, value as never);
    }
  });
}

/** A copy of an expression. @throws WireError. */
export function readExpression(bytes: Uint8Array): Expression {
  const attributes = readAttributes(bytes);
  const kernelName = required(attributes, NAME, text);
  const payload = attributes.get(DATA) ?? new Uint8Array();
  const inner = readAttributes(payload);
  const kind = kindOf(kernelName, inner);
  if (kind === undefined) return { kind: 'unknown', name: kernelName, data: payload.slice() };
  try {
    return normalise(readFields(kind, inner));
  } catch (error) {
    if (error instanceof UnknownValue) return { kind: 'unknown', name: kernelName, data: payload.slice() };
    throw error;
  }
}

type Kind = keyof typeof SHAPES;

function kindOf(kernelName: string, attributes: Attributes): Kind | undefined {
  if (kernelName === 'immediate') return optional(attributes, 1, u32be) === 0 ? 'verdict' : 'immediate';
  return (Object.keys(SHAPES) as Kind[]).find((kind) => {
    const { name: own, marker, fields } = SHAPES[kind];
    if (own !== kernelName || (marker !== undefined && !attributes.has(marker))) return false;
    return fields.every(([type, field]) => typeof field === 'string' || optional(attributes, type, u32be) === field);
  });
}

function readFields(kind: Kind, attributes: Attributes): Expression {
  const values: Values = { kind };
  for (const [type, field, codec] of SHAPES[kind].fields) {
    if (typeof field === 'number') continue;
    const read = optional(attributes, type, (bytes) => codec.read(bytes));
    if (read !== undefined) values[field] = read;
  }
  return values as unknown as Expression;
}

/** The kernel fills in the upper end of a range of one. */
function normalise(expression: Expression): Expression {
  if (expression.kind !== 'nat' && expression.kind !== 'masquerade') return expression;
  const { portMax, ...rest } = expression;
  const withPort = portMax === undefined || portMax === rest.port ? rest : { ...rest, portMax };
  if (withPort.kind !== 'nat') return withPort;
  const { addressMax, ...nat } = withPort;
  return addressMax === undefined || addressMax === nat.address ? nat : { ...nat, addressMax };
}
