/** The schema of the configuration: its shape and its types are made from it, and it names what is wrong in one that does not fit. */
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';
import { checks, MAX_COOLDOWN_SECONDS } from './checks.ts';

const address = z.string().check(z.refine(checks.address, 'not an IP address'));
const path = z.string().check(z.refine(checks.path, 'must be an absolute path'));
const text = z.optional(z.string());
const count = z.optional(z.int().check(z.gte(0)));

// Lazily, what a configuration may not have: building a schema costs more than using it.
const ranges = z.optional(
  z.lazy(() => z.array(z.array(configObject({ subnet: text, rangeStart: text, rangeEnd: text, gateway: text })))),
);
const routes = z.optional(
  z.lazy(() =>
    z.array(
      configObject({
        dst: z.string().check(z.refine(checks.destination, 'not a destination like 10.0.0.0/8')),
        gw: z.optional(z.string().check(z.refine(checks.gateway, 'not an IP address'))),
        mtu: count,
        advmss: count,
        priority: count,
        table: count,
        scope: count,
      }),
    ),
  ),
);
const reserve = z.optional(z.lazy(() => z.record(z.string(), z.union([address, z.array(address)]))));
const cooldown = z.optional(z.lazy(() => z.int().check(z.gte(0), z.lte(MAX_COOLDOWN_SECONDS))));
const stickyBy = z.optional(z.lazy(() => z.enum(['name'])));
const addresses = z.optional(z.lazy(() => z.array(address)));

/** What the `ipam` object of a configuration may say. */
export const configSchema = () =>
  configObject({
    subnet: text,
    rangeStart: text,
    rangeEnd: text,
    gateway: text,
    ranges,
    routes,
    resolvConf: text,
    dataDir: z.optional(path),
    exclude: z.optional(z.array(z.string())),
    reserve,
    stickyBy,
    cooldown,
    importFrom: z.optional(path),
  });

/** What the plugin reads of a network configuration. */
export const wholeSchema = () =>
  configObject({
    ipam: configSchema(),
    args: z.optional(z.lazy(() => configObject({ cni: z.optional(configObject({ ips: addresses, mac: text })) }))),
    runtimeConfig: z.optional(z.lazy(() => configObject({ ips: addresses, ipRanges: ranges, mac: text }))),
  });

export type Raw = z.core.output<ReturnType<typeof wholeSchema>>;

/** @throws CniError code 7 that names every field at fault. */
export const decodeRaw = (json: unknown): Raw => decode(wholeSchema(), json, 'configuration');
