/** The schema of the configuration: its shape and its types are made from it, and it names what is wrong in one that does not fit. */
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

/** Bits, or bits in a second. That it is whole, and how large it may be, depends on the other keys: `limits.ts`. */
const bits = z.optional(z.number());
const subnets = z.optional(z.array(z.string()));

const limits = { ingressRate: bits, ingressBurst: bits, egressRate: bits, egressBurst: bits };

/** What a configuration may say, for ADD, CHECK and STATUS. */
export const configSchema = () =>
  configObject({
    ...limits,
    latency: z.optional(z.int().check(z.gte(1), z.lte(10_000))),
    shapedSubnets: subnets,
    unshapedSubnets: subnets,
    capabilities: z.optional(configObject({ bandwidth: z.optional(z.boolean()) })),
    runtimeConfig: z.optional(configObject({ bandwidth: z.optional(configObject(limits)) })),
  });
export type Raw = z.infer<ReturnType<typeof configSchema>>;

/** @throws CniError code 7 that names every field at fault. */
export const decodeRaw = (json: unknown): Raw => decode(configSchema(), json, 'configuration of flatnet-bandwidth');
