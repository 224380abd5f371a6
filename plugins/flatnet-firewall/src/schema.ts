/** The schema of the configuration: its shape and its types are made from it, and it names what is wrong in one that does not fit. */
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

const texts = z.array(z.string());

/** What a configuration may say, for ADD, CHECK and STATUS. Policies are read by `@flatnet/policy/language`. */
export const configSchema = () =>
  configObject({
    backend: z.optional(z.string()),
    iptablesAdminChainName: z.optional(z.string()),
    firewalldZone: z.optional(z.string()),
    ingressPolicy: z.optional(z.string()),
    external: z.optional(z.string()),
    allowNetworks: z.optional(texts),
    isolatePublished: z.optional(z.boolean()),
    policies: z.optional(z.unknown()),
    args: z.optional(
      configObject({ cni: z.optional(configObject({ policies: z.optional(z.union([z.string(), texts])) })) }),
    ),
    runtimeConfig: z.optional(
      configObject({
        // CONVENTIONS.md knows a list; Podman sends one for each network of the container.
        aliases: z.optional(z.union([texts, z.record(z.string(), texts)])),
        'io.kubernetes.cri.pod-annotations': z.optional(z.record(z.string(), z.string())),
      }),
    ),
  });
export type Raw = z.infer<ReturnType<typeof configSchema>>;

/** @throws CniError code 7 that names every field at fault. */
export const decodeRaw = (json: unknown): Raw => decode(configSchema(), json, 'configuration of flatnet-firewall');
