import * as z from 'zod/mini';
import { configObject, decode } from './decode.ts';
import type { AddResult, Dns, IpConfig, Route } from './result.ts';
import { isAtLeast, isSupportedVersion, type CniVersion } from './version.ts';

const text = z.string();
const list = <T extends z.core.$ZodType>(item: T) => z.optional(z.array(item));
const count = z.optional(z.number());

const dns = z.optional(
  configObject({ nameservers: list(text), domain: z.optional(text), search: list(text), options: list(text) }),
);
const route = configObject({
  dst: text,
  gw: z.optional(text),
  mtu: count,
  advmss: count,
  priority: count,
  table: count,
  scope: count,
});
const ip = configObject({ address: text, gateway: z.optional(text), interface: count });
const networkInterface = configObject({
  name: text,
  mac: z.optional(text),
  mtu: count,
  sandbox: z.optional(text),
  socketPath: z.optional(text),
  pciID: z.optional(text),
});
const modern = configObject({ interfaces: list(networkInterface), ips: list(ip), routes: list(route), dns });
const oldFamily = z.optional(configObject({ ip: text, gateway: z.optional(text), routes: list(route) }));
const oldest = configObject({ ip4: oldFamily, ip6: oldFamily, dns });

/** zod answers `undefined` for absent optional keys; our types (exactOptionalPropertyTypes) want them absent. */
function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined && entry !== '')) as T;
}

/**
 * Parses a result (a delegated plugin's stdout, or `prevResult`) of `version` into the newest shape.
 *
 * @throws CniError code 7 that names the field at fault.
 */
export function parseResult(json: unknown, version: CniVersion, what: string): AddResult {
  const own = typeof json === 'object' && json !== null && 'cniVersion' in json ? String(json.cniVersion) : version;
  const shape = isSupportedVersion(own) ? own : version;
  if (!isAtLeast(shape, '0.3.0')) return parseOldest(json, what);
  const parsed = decode(modern, json, what);
  return {
    interfaces: (parsed.interfaces ?? []).map((entry) => withoutUndefined(entry) as AddResult['interfaces'][number]),
    ips: (parsed.ips ?? []).map((entry) => withoutUndefined(entry) as IpConfig),
    routes: (parsed.routes ?? []).map((entry) => withoutUndefined(entry) as Route),
    dns: withoutUndefined(parsed.dns ?? {}) as Dns,
  };
}

function parseOldest(json: unknown, what: string): AddResult {
  const parsed = decode(oldest, json, what);
  const families = [parsed.ip4, parsed.ip6].filter((family) => family !== undefined);
  return {
    interfaces: [],
    ips: families.map(({ ip: address, gateway }) => withoutUndefined({ address, gateway }) as IpConfig),
    routes: families.flatMap((family) => (family.routes ?? []).map((entry) => withoutUndefined(entry) as Route)),
    dns: withoutUndefined(parsed.dns ?? {}) as Dns,
  };
}
