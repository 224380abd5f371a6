/** The schema of the configuration: its shape and its types are made from it, and it names what is wrong in one that does not fit. */
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

const flag = z.optional(z.boolean());
const text = z.optional(z.string());
const texts = z.optional(z.array(z.string()));
const whole = (low: number, high: number) => z.optional(z.int().check(z.gte(low), z.lte(high)));
const vlanId = whole(1, 4094);
// Lazily, here and below, what most configurations do not have: building a schema costs more than using it.
const withMac = z.lazy(() => configObject({ mac: text }));

/** What a configuration may say. DEL and GC read it key by key. */
export const configSchema = () =>
  configObject({
    name: z.string(),
    bridge: text,
    isGateway: flag,
    isDefaultGateway: flag,
    forceAddress: flag,
    ipMasq: flag,
    ipMasqBackend: text,
    mtu: whole(0, 65535),
    hairpinMode: flag,
    promiscMode: flag,
    vlan: whole(0, 4094),
    vlanTrunk: z.optional(z.lazy(() => z.array(configObject({ id: vlanId, minID: vlanId, maxID: vlanId })))),
    preserveDefaultVlan: flag,
    macspoofchk: flag,
    enabledad: flag,
    disableContainerInterface: flag,
    portIsolation: flag,
    antiSpoof: flag,
    internal: flag,
    allowOverlap: flag,
    clampMSS: flag,
    defaultRoutePriority: whole(0, 4294967295),
    ipam: z.optional(configObject({ type: text })),
    dns: z.optional(z.lazy(() => configObject({ nameservers: texts, domain: text, search: texts, options: texts }))),
    args: z.optional(z.lazy(() => configObject({ cni: z.optional(withMac) }))),
    runtimeConfig: z.optional(withMac),
  });
export type Raw = z.infer<ReturnType<typeof configSchema>>;

/** @throws CniError code 7 that names every field at fault. */
export const decodeRaw = (json: unknown): Raw => decode(configSchema(), json, 'configuration of flatnet');
