/** The schema of results: of those that the shape does not read, it tells the field at fault, and it reads the oldest versions. */
import * as z from 'zod/mini';
import { configObject, decode } from './decode.ts';
import { resultOf, type RawResult, type RawRoute } from './raw-result.ts';
import type { AddResult } from './result.ts';

const text = z.string();
const list = <T extends z.core.$ZodType>(item: T) => z.optional(z.array(item));
const count = z.optional(z.number());
const maybe = z.optional(text);

const dnsSchema = () =>
  z.optional(configObject({ nameservers: list(text), domain: maybe, search: list(text), options: list(text) }));
const routeSchema = () =>
  configObject({ dst: text, gw: maybe, mtu: count, advmss: count, priority: count, table: count, scope: count });
const interfaceSchema = () =>
  configObject({ name: text, mac: maybe, mtu: count, sandbox: maybe, socketPath: maybe, pciID: maybe });

/** A result of version 0.3.0 or later. */
export const resultSchema = () =>
  configObject({
    interfaces: list(interfaceSchema()),
    ips: list(configObject({ address: text, gateway: maybe, interface: count })),
    routes: list(routeSchema()),
    dns: dnsSchema(),
  });

const oldestSchema = () => {
  const family = z.optional(configObject({ ip: text, gateway: maybe, routes: list(routeSchema()) }));
  return configObject({ ip4: family, ip6: family, dns: dnsSchema() });
};

/** A result of version 0.3.0 or later. @throws CniError code 7 that names the field at fault. */
export const decodeResult = (json: unknown, what: string): AddResult =>
  resultOf(decode(resultSchema(), json, what) as RawResult);

/** A result of version 0.1.0 or 0.2.0: one address a family. @throws CniError code 7 that names the field at fault. */
export function decodeOldestResult(json: unknown, what: string): AddResult {
  const { ip4, ip6, dns } = decode(oldestSchema(), json, what);
  const families = [ip4, ip6].filter((family) => family !== undefined);
  const ips = families.map(({ ip: address, gateway }) => ({ address, gateway }));
  const routes = families.flatMap((family) => (family.routes ?? []) as RawRoute[]);
  return resultOf({ ips, routes, dns } as RawResult);
}
