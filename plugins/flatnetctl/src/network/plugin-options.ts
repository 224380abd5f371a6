import { isInterfaceName } from '@flatnet/cni';
import { usage } from '../failure.ts';
import { parseRate } from '../limit/rate.ts';

type Kind = 'flag' | 'number' | 'interface' | 'rate';

/** Keys that `--opt` may set, and what their values are: of the flatnet plugin, and rates, which are flatnet-bandwidth's. */
const KEYS: Readonly<Record<string, Kind>> = {
  bridge: 'interface',
  isGateway: 'flag',
  isDefaultGateway: 'flag',
  ipMasq: 'flag',
  hairpinMode: 'flag',
  promiscMode: 'flag',
  portIsolation: 'flag',
  antiSpoof: 'flag',
  macspoofchk: 'flag',
  enabledad: 'flag',
  clampMSS: 'flag',
  allowOverlap: 'flag',
  mtu: 'number',
  vlan: 'number',
  defaultRoutePriority: 'number',
  limitDown: 'rate',
  limitUp: 'rate',
};

/** Spellings that people bring from Podman and Docker. */
const SYNONYMS: Readonly<Record<string, { readonly key: string; readonly inverted?: boolean }>> = {
  'com.docker.network.bridge.name': { key: 'bridge' },
  'com.docker.network.driver.mtu': { key: 'mtu' },
  'com.docker.network.bridge.enable_ip_masquerade': { key: 'ipMasq' },
  'com.docker.network.bridge.enable_icc': { key: 'portIsolation', inverted: true },
  metric: { key: 'defaultRoutePriority' },
};

/** Turns `key=value` texts into plugin configuration. @throws OperatorError (usage) that lists the known keys. */
export function parsePluginOptions(texts: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(texts.map(parseOption));
}

function parseOption(text: string): [string, unknown] {
  const at = text.indexOf('=');
  const given = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? 'true' : text.slice(at + 1);
  const synonym = Object.hasOwn(SYNONYMS, given) ? SYNONYMS[given] : undefined;
  const wanted = (synonym?.key ?? given).toLowerCase().replaceAll(/[-_]/g, '');
  const key = Object.keys(KEYS).find((known) => known.toLowerCase() === wanted);
  if (key === undefined) {
    throw usage(`--opt ${JSON.stringify(text)}: unknown key`, `known keys: ${Object.keys(KEYS).sort().join(', ')}`);
  }
  const parsed = parseValue(KEYS[key] as Kind, value);
  if (parsed === undefined) throw usage(`--opt ${key}: ${JSON.stringify(value)} is no ${KEYS[key]}`, `correct ${key}=`);
  return [key, synonym?.inverted ? !parsed : parsed];
}

function parseValue(kind: Kind, text: string): unknown {
  if (kind === 'rate') return parseRate('--opt', text) ?? 0;
  if (kind === 'interface') return isInterfaceName(text) ? text : undefined;
  if (kind === 'number') return /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
  const flag = text.toLowerCase();
  return ['true', '1', 'yes'].includes(flag) ? true : ['false', '0', 'no'].includes(flag) ? false : undefined;
}

/** Turns `key=value` texts into labels. */
export const parseLabels = (texts: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
