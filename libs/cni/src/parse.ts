import * as z from 'zod/mini';
import { configObject, decode } from './decode.ts';
import type { AddResult, Dns, IpConfig, Route } from './result.ts';
import { isAtLeast, isSupportedVersion, type CniVersion } from './version.ts';

const text = z.string();
const list = <T extends z.core.$ZodType>(item: T) => z.optional(z.array(item));
const count = z.optional(z.number());
const maybe = z.optional(text);

// Built when a result is read: most commands read none, or only the modern shape, and a schema costs more than its use.
const dnsSchema = () =>
  z.optional(configObject({ nameservers: list(text), domain: maybe, search: list(text), options: list(text) }));
const routeSchema = () =>
  configObject({ dst: text, gw: maybe, mtu: count, advmss: count, priority: count, table: count, scope: count });
const interfaceSchema = () =>
  configObject({ name: text, mac: maybe, mtu: count, sandbox: maybe, socketPath: maybe, pciID: maybe });
const modernSchema = () =>
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
  const parsed = decode(modernSchema(), json, what);
  return {
    interfaces: (parsed.interfaces ?? []).map((entry) => withoutUndefined(entry) as AddResult['interfaces'][number]),
    ips: (parsed.ips ?? []).map((entry) => withoutUndefined(entry) as IpConfig),
    routes: (parsed.routes ?? []).map((entry) => withoutUndefined(entry) as Route),
    dns: withoutUndefined(parsed.dns ?? {}) as Dns,
  };
}

function parseOldest(json: unknown, what: string): AddResult {
  const parsed = decode(oldestSchema(), json, what);
  const families = [parsed.ip4, parsed.ip6].filter((family) => family !== undefined);
  return {
    interfaces: [],
    ips: families.map(({ ip: address, gateway }) => withoutUndefined({ address, gateway }) as IpConfig),
    routes: families.flatMap((family) => (family.routes ?? []).map((entry) => withoutUndefined(entry) as Route)),
    dns: withoutUndefined(parsed.dns ?? {}) as Dns,
  };
}
