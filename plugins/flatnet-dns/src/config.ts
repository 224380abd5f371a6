import { parseIp } from '@flatnet/addressing';
import { type Explain, misfit, readShape, shown, type Verb } from '@flatnet/cni';
import { nameFault } from '@flatnet/dns';
import { configShape } from './config-shape.ts';
import { refuse } from './field.ts';
import type { Raw } from './schema.ts';

/** The plugin configuration, decoded; README.md tells what each key means. */
export interface DnsConfig {
  /** Lower case; absent: it follows from the network's name. */
  readonly domain?: string;
  /** Upstreams; absent: those of the plugins before, else the host's. */
  readonly nameservers?: readonly string[];
  readonly internal: boolean;
  /** Lower case. */
  readonly aliases: readonly string[];
}

/** Decodes the configuration. DEL and GC need none of it. @throws CniError code 7. */
export function decodeConfig(
  json: Readonly<Record<string, unknown>>,
  verb: Verb,
  explain: Explain<Raw> = misfit,
): DnsConfig {
  if (verb === 'DEL' || verb === 'GC') return { internal: false, aliases: [] };
  const raw = readShape<Raw>(configShape, json) ?? explain(json);
  const { domainName, nameservers, internal = false } = raw;
  return {
    ...(domainName === undefined ? {} : { domain: nameIn('domainName', domainName) }),
    ...(nameservers === undefined ? {} : { nameservers: nameservers.map((text) => addressIn('nameservers', text)) }),
    internal,
    aliases: aliasesFor(String(json['name']), raw.runtimeConfig?.aliases),
  };
}

type Aliases = NonNullable<Raw['runtimeConfig']>['aliases'];

function aliasesFor(network: string, aliases: Aliases): readonly string[] {
  const own = Array.isArray(aliases) ? aliases : aliases?.[network];
  return (own ?? []).map((alias) => nameIn('runtimeConfig.aliases', alias));
}

/** The name in lower case. @throws CniError code 7 that names the field. */
export function nameIn(field: string, text: string): string {
  const name = text.toLowerCase();
  const fault = nameFault(name);
  if (fault !== undefined) refuse(`${field}: ${shown(text)} is no name: ${fault}; choose another`);
  return name;
}

/** The address in its one spelling. @throws CniError code 7 that names the field. */
export function addressIn(field: string, text: string): string {
  try {
    return String(parseIp(text));
  } catch {
    return refuse(`${field}: ${shown(text)} is no address: give the address of a resolver, without a port`);
  }
}
