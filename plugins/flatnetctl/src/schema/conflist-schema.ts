/**
 * JSON Schema (draft 7, which editors know) of a conflist, made of the zod schemas that the plugins decode with. Keys that neither
 * names are legal: other plugins have theirs, and a runtime adds some.
 */
import * as z from 'zod/mini';
import { listSchema } from '../conflist/model.ts';
import { DESCRIPTIONS } from './descriptions.ts';

/** What the plugins decode with: by plugin, and for `flatnet-ipam` the `ipam` object. */
export type PluginSchemas = Readonly<Record<Plugin, z.core.$ZodType>>;

type Plugin =
  | 'flatnet'
  | 'flatnet-ipam'
  | 'flatnet-portmap'
  | 'flatnet-bandwidth'
  | 'flatnet-tuning'
  | 'flatnet-dns'
  | 'flatnet-firewall';
type Json = Record<string, unknown>;

/** A conflist's schema. */
export function conflistSchema(schemas: PluginSchemas): Json {
  const ipam = keyed('type', { 'flatnet-ipam': describe('flatnet-ipam', schemas) });
  const flatnet = describe('flatnet', schemas);
  const { properties, ...list } = convert(listSchema);
  return {
    title: 'CNI network configuration list for the flatnet plugins',
    ...list,
    properties: {
      ...describeKeys(properties as Json, DESCRIPTIONS.conflist),
      plugins: {
        type: 'array',
        minItems: 1,
        items: keyed('type', {
          flatnet: { ...flatnet, properties: { ...(flatnet['properties'] as Json), ipam } },
          'flatnet-portmap': describe('flatnet-portmap', schemas),
          'flatnet-bandwidth': describe('flatnet-bandwidth', schemas),
          'flatnet-tuning': describe('flatnet-tuning', schemas),
          'flatnet-dns': describe('flatnet-dns', schemas),
          'flatnet-firewall': describe('flatnet-firewall', schemas),
        }),
      },
    },
  };
}

function describe(plugin: keyof PluginSchemas, schemas: PluginSchemas): Json {
  const { type, properties } = convert(schemas[plugin]);
  return { type, properties: describeKeys(properties as Json, DESCRIPTIONS[plugin]) };
}

/** A schema's keys with what they mean; those without are for runtimes, not for people. */
const describeKeys = (properties: Json, descriptions: Readonly<Record<string, string>>): Json =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([key, schema]) =>
      Object.hasOwn(descriptions, key) ? [[key, { ...(schema as Json), description: descriptions[key] }]] : [],
    ),
  );

const convert = (schema: z.core.$ZodType): Json =>
  z.toJSONSchema(schema, {
    ...{ target: 'draft-7', io: 'input', unrepresentable: 'any' },
    // Zod names its own checks as formats; those that no JSON Schema knows make validators refuse the whole schema.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === 'starts_with') delete jsonSchema.format;
    },
  }) as Json;

/** An object whose `key` decides which further schema it follows. */
const keyed = (key: string, cases: Readonly<Record<string, Json>>): Json => ({
  type: 'object',
  required: [key],
  properties: { [key]: { type: 'string', minLength: 1, examples: Object.keys(cases) } },
  allOf: Object.entries(cases).map(([value, then]) => ({
    if: { properties: { [key]: { const: value } } },
    then,
  })),
});
