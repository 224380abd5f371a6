import { type Explain, misfit, readShape, shown, type Verb } from '@flatnet/cni';
import { type Backend, BACKENDS } from '@flatnet/policy';
import { PolicyFault, readSettings, type Settings, wordOf } from '@flatnet/policy/language';
import { configShape } from './config-shape.ts';
import { refuse } from './field.ts';
import type { Raw } from './schema.ts';

/** The plugin configuration, decoded; README.md tells what each key means. */
export interface FirewallConfig extends Settings {
  /** Other names of the container on this network. */
  readonly aliases: readonly string[];
  /** Policies that the container asks for by name, and where it does so. */
  readonly picks: readonly Pick[];
  /** Which firewall of another program is helped; absent: those that are there. */
  readonly backend?: Backend;
  readonly firewalldZone: string;
}

export interface Pick {
  readonly name: string;
  readonly source: string;
}

const ANNOTATION = 'flatnet/policy';

const NOTHING: FirewallConfig = {
  ...{ ingressPolicy: 'open', external: 'open', allowNetworks: [], isolatePublished: false },
  ...{ policies: [], aliases: [], picks: [], firewalldZone: 'trusted' },
};

/** Decodes the configuration. DEL and GC need none of it. @throws CniError code 7. */
export function decodeConfig(
  json: Readonly<Record<string, unknown>>,
  verb: Verb,
  explain: Explain<Raw> = misfit,
): FirewallConfig {
  if (verb === 'DEL' || verb === 'GC') return NOTHING;
  const raw = readShape<Raw>(configShape, json) ?? explain(json);
  const { backend, ...settings } = inWords(() => ({
    ...readSettings(raw),
    backend: wordOf('backend', raw.backend, BACKENDS),
  }));
  return {
    ...settings,
    aliases: aliasesOf(String(json['name']), raw),
    picks: picksOf(raw),
    ...(backend === undefined ? {} : { backend }),
    firewalldZone: zoneOf(
      raw.firewalldZone === undefined || raw.firewalldZone === '' ? NOTHING.firewalldZone : raw.firewalldZone,
    ),
  };
}

/** A zone's name goes to firewalld over D-Bus, so that it has to be one. */
const zoneOf = (zone: string): string =>
  /^[A-Za-z0-9_/-]{1,17}$/.test(zone) ? zone : refuse(`firewalldZone is ${shown(zone)}: give the name of a zone`);

/** @throws CniError code 7 that names the field. */
function inWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PolicyFault) return refuse(error.message);
    throw error;
  }
}

function aliasesOf(network: string, { runtimeConfig }: Raw): readonly string[] {
  const aliases = runtimeConfig?.aliases;
  return (Array.isArray(aliases) ? aliases : (aliases as Record<string, string[]> | undefined)?.[network]) ?? [];
}

function picksOf({ args, runtimeConfig }: Raw): readonly Pick[] {
  const asked = args?.cni?.policies;
  const annotation = runtimeConfig?.['io.kubernetes.cri.pod-annotations']?.[ANNOTATION];
  return [
    ...namesIn(typeof asked === 'string' ? asked : asked?.join(',')).map((name) => ({
      name,
      source: 'args.cni.policies',
    })),
    ...namesIn(annotation).map((name) => ({ name, source: `annotation ${ANNOTATION}` })),
  ];
}

/** `a,b` */
export const namesIn = (text = ''): readonly string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
