import type { Ip } from '@flatnet/addressing';
import { attachedAddresses, field, misfit, readShape, shown, type Explain, type Verb } from '@flatnet/cni';
import { configShape } from './config-shape.ts';
import { refuse } from './field.ts';
import { type Mapping, mappingsOf } from './mappings.ts';
import type { Raw } from './schema.ts';
import { snatAddressesOf } from './snat-address.ts';

/** The plugin configuration, decoded and with its defaults filled in; README.md tells what each key means. */
export interface PortmapConfig {
  readonly snat: boolean;
  readonly masqAll: boolean;
  readonly ipMasq: boolean;
  readonly snatAddresses: readonly Ip[];
  readonly dataDir?: string;
  readonly mappings: readonly Mapping[];
  /** Addresses of the result of ADD, which the runtime hands to DEL. */
  readonly attached: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** Decodes the configuration. DEL and GC need none of it: what cannot be read there counts as absent. @throws CniError code 7. */
export function decodeConfig(json: Json, verb: Verb, explain: Explain<Raw> = misfit): PortmapConfig {
  if (verb === 'DEL' || verb === 'GC') return laxly(json);
  const raw = readShape<Raw>(configShape, json) ?? explain(json);
  refuseUnsupported(raw);
  return resolve(raw, json, mappingsOf(raw.runtimeConfig?.portMappings ?? [], raw));
}

function laxly(json: Json): PortmapConfig {
  const [dataDir, ipMasq] = [field(json, 'dataDir'), field(json, 'ipMasq') === true];
  return resolve({ ipMasq, ...(typeof dataDir === 'string' && dataDir.startsWith('/') ? { dataDir } : {}) }, json, []);
}

const resolve = (raw: Partial<Raw>, json: Json, mappings: readonly Mapping[]): PortmapConfig => ({
  attached: attachedAddresses(json),
  snat: raw.snat ?? true,
  masqAll: raw.masqAll ?? false,
  ipMasq: raw.ipMasq ?? false,
  snatAddresses: snatAddressesOf(raw.snatAddress, raw.ipMasq ?? false),
  mappings,
  ...(raw.dataDir ? { dataDir: raw.dataDir } : {}),
});

function refuseUnsupported(raw: Raw): void {
  for (const key of ['conditionsV4', 'conditionsV6'] as const) {
    if ((raw[key]?.length ?? 0) > 0) {
      refuse(`${key} would put free text into the rules: use allowFrom, or rules of your own in the chain "admin"`);
    }
  }
  if (raw.externalSetMarkChain) {
    refuse(
      'externalSetMarkChain names an iptables chain, and flatnet-portmap has none: remove it, masquerade needs no mark',
    );
  }
  if (raw.backend !== undefined && !['', 'nftables', 'iptables'].includes(raw.backend)) {
    refuse(`backend is ${shown(raw.backend)}: flatnet-portmap always uses nftables`);
  }
  if (raw.dataDir && !/^\/[^\0]*$/.test(raw.dataDir)) {
    refuse(`dataDir is ${shown(raw.dataDir)}: must be an absolute path`);
  }
}
