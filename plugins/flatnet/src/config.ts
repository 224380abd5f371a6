import {
  CniError,
  defaultBridge,
  ErrorCode,
  isInterfaceName,
  misfit,
  readShape,
  shown,
  type Dns,
  type Explain,
  type Verb,
} from '@flatnet/cni';
import { configShape } from './config-shape.ts';
import { hintsOf, type AddressHints } from './hints.ts';
import type { Raw } from './schema.ts';
import { gatewayDevice, parseVlans, type VlanPlan } from './vlan.ts';

/** The plugin configuration, decoded and with its defaults filled in; README.md tells what each key means. */
export interface FlatnetConfig {
  readonly bridge: string;
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly forceAddress: boolean;
  readonly ipMasq: boolean;
  readonly hairpinMode: boolean;
  readonly promiscMode: boolean;
  readonly portIsolation: boolean;
  readonly enableDad: boolean;
  readonly disableContainerInterface: boolean;
  readonly macSpoofCheck: boolean;
  readonly antiSpoof: boolean;
  readonly internal: boolean;
  readonly allowOverlap: boolean;
  readonly clampMss: boolean;
  readonly mtu?: number;
  readonly defaultRoutePriority?: number;
  readonly vlans?: VlanPlan;
  /** Absent: a pure layer 2 attachment. */
  readonly ipamType?: string;
  readonly dns?: Dns;
  /** From `args.cni.mac`, or `runtimeConfig.mac`, which wins; CNI_ARGS come with the request. */
  readonly mac?: string;
  readonly hints: AddressHints;
}

/** Whether this network's ports are guarded. */
export const isGuarded = ({ antiSpoof, macSpoofCheck }: FlatnetConfig): boolean => antiSpoof || macSpoofCheck;

/** Whether the host forwards packets of this network to other hosts. */
export const isForwarded = ({ isGateway, internal }: FlatnetConfig): boolean => isGateway && !internal;

type Json = Readonly<Record<string, unknown>>;

/** Decodes the configuration. DEL and GC get a lax reading: what is needed to find and remove things. @throws CniError code 7. */
export function decodeConfig(json: Json, verb: Verb, explain: Explain<Raw> = misfit): FlatnetConfig {
  // VLANs are nothing that would have to be found again, and they can contradict each other.
  if (verb === 'DEL' || verb === 'GC') return resolve({ ...laxly(json), vlan: undefined, vlanTrunk: undefined }, json);
  const raw = readShape<Raw>(configShape, json) ?? explain(json);
  const config = resolve(raw, json);
  refuseContradictions(raw, config);
  return config;
}

/** Every key that reads well by itself; the others count as absent. */
function laxly(json: Json): Raw {
  const all = readShape<Raw>(configShape, json);
  if (all !== undefined) return all;
  const readable = Object.entries(json).filter(
    ([key, value]) => key !== 'name' && readShape(configShape, { name: 'x', [key]: value }) !== undefined,
  );
  const name = json['name'];
  return readShape<Raw>(configShape, { ...Object.fromEntries(readable), name }) ?? { name: String(name) };
}

function resolve(raw: Raw, json: Json): FlatnetConfig {
  // A configuration that says nothing of routing wants a network that works; one that says something means just that.
  const plain = raw.isGateway === undefined && raw.isDefaultGateway === undefined && raw.ipMasq === undefined;
  const internal = raw.internal ?? false;
  const isDefaultGateway = !internal && (raw.isDefaultGateway ?? plain);
  const vlans = parseVlans(raw.vlan, raw.vlanTrunk, raw.preserveDefaultVlan ?? false);
  return {
    bridge: raw.bridge || defaultBridge(raw.name),
    isGateway: (raw.isGateway ?? plain) || isDefaultGateway,
    isDefaultGateway,
    forceAddress: raw.forceAddress ?? false,
    ipMasq: !internal && (raw.ipMasq ?? plain),
    hairpinMode: raw.hairpinMode ?? (plain && raw.promiscMode !== true),
    promiscMode: raw.promiscMode ?? false,
    portIsolation: raw.portIsolation ?? false,
    enableDad: raw.enabledad ?? false,
    disableContainerInterface: raw.disableContainerInterface ?? false,
    macSpoofCheck: raw.macspoofchk ?? false,
    antiSpoof: raw.antiSpoof ?? false,
    internal,
    allowOverlap: raw.allowOverlap ?? false,
    clampMss: raw.clampMSS ?? false,
    ...optional('mtu', raw.mtu || undefined),
    ...optional('defaultRoutePriority', raw.defaultRoutePriority),
    ...optional('vlans', vlans),
    ...optional('ipamType', raw.ipam?.type || undefined),
    ...optional('dns', dnsOf(raw.dns)),
    ...optional('mac', raw.runtimeConfig?.mac || raw.args?.cni?.mac || undefined),
    hints: hintsOf(json),
  };
}

const optional = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });

/** Set only when a field of it is: only then does it replace what the delegated plugin answered. */
function dnsOf(raw: Raw['dns']): Dns | undefined {
  if (raw === undefined) return undefined;
  const entries = Object.entries(raw).filter(([, value]) => value !== undefined && value.length > 0);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

const refuse = (details: string): never => {
  throw new CniError(ErrorCode.invalidConfig, 'invalid configuration of flatnet', details);
};

function refuseContradictions(raw: Raw, config: FlatnetConfig): void {
  if (!isInterfaceName(config.bridge)) {
    refuse(`bridge is ${shown(config.bridge)}: must be 1 to 15 letters, digits, "_", "." or "-"`);
  }
  const gateway = gatewayDevice(config.bridge, config.vlans);
  if (!isInterfaceName(gateway)) refuse(`the device of the VLAN, ${gateway}, has too long a name: shorten bridge`);
  if (config.hairpinMode && config.promiscMode)
    refuse('cannot set hairpin mode and promiscuous mode at the same time.');
  if (config.mtu !== undefined && config.mtu < 68) refuse(`mtu is ${config.mtu}: must be 0 (automatic) or at least 68`);
  if (config.disableContainerInterface && config.ipamType !== undefined) {
    refuse('disableContainerInterface leaves the interface down, so it cannot have addresses: remove ipam');
  }
  if (raw.internal && (raw.ipMasq || raw.isDefaultGateway)) {
    refuse('internal means no way out: remove ipMasq and isDefaultGateway, or internal');
  }
  if (raw.ipMasqBackend !== undefined && !['', 'nftables', 'iptables'].includes(raw.ipMasqBackend)) {
    refuse(`ipMasqBackend is ${shown(raw.ipMasqBackend)}: flatnet always uses nftables`);
  }
}
