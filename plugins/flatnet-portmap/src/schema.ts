/** The schema of the configuration: its shape and its types are made from it, and it names what is wrong in one that does not fit. */
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

const flag = z.optional(z.boolean());
const text = z.optional(z.string());
const texts = z.optional(z.union([z.string(), z.array(z.string())]));
const port = z.int().check(z.gte(1), z.lte(65535));

const mappingSchema = () =>
  configObject({
    hostPort: port,
    containerPort: port,
    protocol: text,
    hostIP: text,
    range: z.optional(port),
    allowFrom: texts,
  });

/** What a configuration may say, for ADD, CHECK and STATUS. */
export const configSchema = () =>
  configObject({
    snat: flag,
    masqAll: flag,
    ipMasq: flag,
    snatAddress: texts,
    markMasqBit: z.optional(z.int().check(z.gte(0), z.lte(31))),
    externalSetMarkChain: text,
    backend: text,
    conditionsV4: z.optional(z.array(z.string())),
    conditionsV6: z.optional(z.array(z.string())),
    defaultHostIP: texts,
    allowFrom: texts,
    dataDir: text,
    runtimeConfig: z.optional(configObject({ portMappings: z.optional(z.array(mappingSchema())) })),
  });
export type Raw = z.infer<ReturnType<typeof configSchema>>;
export type RawMapping = z.infer<ReturnType<typeof mappingSchema>>;

/** @throws CniError code 7 that names every field at fault. */
export const decodeRaw = (json: unknown): Raw => decode(configSchema(), json, 'configuration of flatnet-portmap');
