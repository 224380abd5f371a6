import type * as z from 'zod/mini';
import type { Checks, Shape } from '@flatnet/cni';

/** What `readShape` reads in place of `schema`. `checks`: the functions of the schema's refinements, by their names. */
export function shapeOf(schema: z.core.$ZodType, checks: Checks = {}): Shape {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const inner = (type: z.core.$ZodType): Shape => shapeOf(type, checks);
  switch (def.type) {
    case 'string':
      return textShape(def.checks ?? [], checks);
    case 'unknown':
      return 'any';
    case 'boolean':
      return 'flag';
    case 'number':
      return numberShape(schema);
    case 'enum':
      return { word: Object.values(def.entries).map(String) };
    case 'optional':
      return inner(def.innerType);
    case 'lazy':
      return inner(def.getter());
    case 'array':
      return { list: inner(def.element) };
    case 'record':
      return { map: inner(def.valueType) };
    case 'union':
      return { either: def.options.map(inner) };
    case 'pipe':
      return objectShape(def.out, inner);
    default:
      throw new Error(`no shape for zod's ${def.type}: add it to shapeOf and readShape`);
  }
}

function textShape(given: readonly z.core.$ZodCheck[], checks: Checks): Shape {
  const [first, ...others] = given;
  if (first === undefined) return 'text';
  const { fn } = first._zod.def as unknown as { fn?: unknown };
  const name = Object.keys(checks).find((key) => checks[key] === fn);
  if (name === undefined || others.length > 0)
    throw new Error('a string has one refinement, by a function of `checks`');
  return { checked: name };
}

/** Integers have inclusive bounds; other numbers have none. */
function numberShape(schema: z.core.$ZodType): Shape {
  const def = (schema as z.core.$ZodNumber)._zod.def as { format?: string; checks?: readonly z.core.$ZodCheck[] };
  const bounds = (def.checks ?? []).map((check) => check._zod.def as z.core.$ZodCheckLessThanDef);
  if (def.format !== 'safeint') {
    if (bounds.length > 0) throw new Error('no shape for a number with bounds: use z.int');
    return 'number';
  }
  const boundOf = (kind: string): number | null => {
    const bound = bounds.find(({ check }) => (check as string) === kind);
    if (bound === undefined) return null;
    if (!bound.inclusive) throw new Error('no shape for a bound that is not inclusive: use z.gte or z.lte');
    return Number(bound.value);
  };
  return { int: [boundOf('greater_than'), boundOf('less_than')] };
}

function objectShape(object: z.core.$ZodType, inner: (type: z.core.$ZodType) => Shape): Shape {
  const { def } = (object as z.core.$ZodTypes)._zod;
  if (def.type !== 'object') throw new Error('a pipe is what configObject makes');
  const entries = Object.entries(def.shape) as [string, z.core.$ZodType][];
  const required = entries
    .filter(([, type]) => (type as z.core.$ZodTypes)._zod.def.type !== 'optional')
    .map(([key]) => key);
  const shapes = Object.fromEntries(entries.map(([key, type]) => [key, inner(type)]));
  return required.length === 0 ? { object: shapes } : { object: shapes, required };
}
