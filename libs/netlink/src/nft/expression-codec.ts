/** Expressions to bytes and back, by the table of `expression-shapes.ts`. */
import { type Attributes, optional, readAttributes, required, text, u32be } from '../reader.ts';
import { attribute, attributeText, nested, type Writer } from '../writer.ts';
import { NESTED } from './constants.ts';
import { SHAPES } from './expression-shapes.ts';
import type { Expression } from './expression.ts';
import { UnknownValue } from './field-codec.ts';

type Values = Record<string, unknown>;

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
