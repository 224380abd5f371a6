/** The schema of the configuration: its shape and its types are made from it, and it names what is wrong in one that does not fit. */
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

const texts = z.array(z.string());

/** What a configuration may say, for ADD, CHECK and STATUS. */
export const configSchema = () =>
  configObject({
    domainName: z.optional(z.string()),
    nameservers: z.optional(texts),
    internal: z.optional(z.boolean()),
    // CONVENTIONS.md knows a list; Podman sends one for each network of the container.
    runtimeConfig: z.optional(configObject({ aliases: z.optional(z.union([texts, z.record(z.string(), texts)])) })),
  });
export type Raw = z.infer<ReturnType<typeof configSchema>>;

/** @throws CniError code 7 that names every field at fault. */
export const decodeRaw = (json: unknown): Raw => decode(configSchema(), json, 'configuration of flatnet-dns');
