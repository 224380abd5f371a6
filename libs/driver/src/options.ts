/** `--opt key=value` of `podman network create`, which Podman passes on unread. Pure. */
import { shown } from '@flatnet/cni';
import { readRate } from '@flatnet/shaping/rate';
import { refuse } from './refuse.ts';

export interface DriverOptions {
  readonly mtu?: number;
  readonly vlan?: number;
  /** Of the default route: with several networks the lowest wins. */
  readonly metric?: number;
  readonly isolate?: 'true' | 'strict';
  readonly noDefaultRoute: boolean;
  /** What comes in from outside of the host: everything, or answers and published ports. */
  readonly external: 'open' | 'published';
  /** Bits in a second that each container receives, and sends. */
  readonly limitDown?: number;
  readonly limitUp?: number;
}

/** The keys, and what their values may be. */
export const OPTION_VALUES = {
  mtu: '68 to 65535 (at least 1280 with IPv6)',
  vlan: '1 to 4094',
  metric: '0 to 4294967295',
  isolate: 'true, false or strict',
  no_default_route: 'true or false',
  external: 'open or published',
  limit_down: 'a rate such as 10M or 1.25MB',
  limit_up: 'a rate such as 10M or 1.25MB',
} as const;
type Key = keyof typeof OPTION_VALUES;

const KEYS = Object.keys(OPTION_VALUES) as readonly Key[];
/** Spellings that people bring from Podman's bridge and from Docker. */
const SYNONYMS: Readonly<Record<string, Key>> = {
  'com.docker.network.driver.mtu': 'mtu',
  'com.docker.network.mtu': 'mtu',
};

/** @throws CniError code 7 that names the key and what it may be. */
export function readOptions(
  given: Readonly<Record<string, string>>,
  { ipv6 }: { readonly ipv6: boolean },
): DriverOptions {
  const values = new Map(Object.entries(given).map(([name, value]) => [keyOf(name), value.trim()] as const));
  const read = <T>(key: Key, parse: (text: string) => T | undefined): T | undefined => {
    const text = values.get(key);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value !== undefined) return value;
    return refuse(`option ${key} is ${shown(text)}`, `give ${key}=VALUE, where VALUE is ${OPTION_VALUES[key]}`);
  };
  const number = (key: Key, low: number, high: number): number | undefined =>
    read(key, (text) => {
      const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
      return value >= low && value <= high ? value : undefined;
    });
  const isolate = read('isolate', (text) => (text === 'strict' ? 'strict' : booleanOf(text)));
  return {
    ...optional('mtu', number('mtu', ipv6 ? 1280 : 68, 65535)),
    ...optional('vlan', number('vlan', 1, 4094)),
    ...optional('metric', number('metric', 0, 4294967295)),
    ...(isolate === undefined || isolate === false ? {} : { isolate: isolate === 'strict' ? 'strict' : 'true' }),
    noDefaultRoute: read('no_default_route', booleanOf) ?? false,
    external: read('external', (text) => (text === 'open' || text === 'published' ? text : undefined)) ?? 'published',
    ...optional('limitDown', read('limit_down', readRate) || undefined),
    ...optional('limitUp', read('limit_up', readRate) || undefined),
  };
}

/** Keys of `--network NAME:key=value`. @throws CniError code 7 that names the key. */
export function readAttachmentOptions(given: Readonly<Record<string, string>>): Pick<DriverOptions, 'metric'> {
  const unknown = Object.keys(given).find((key) => key !== 'metric');
  if (unknown !== undefined) {
    return refuse(
      `--network NAME:${unknown}=… has no meaning to flatnet`,
      'known keys beside those of Podman (ip, mac, alias, interface_name): metric',
    );
  }
  return optional('metric', readOptions(given, { ipv6: false }).metric);
}

function keyOf(name: string): Key {
  const key = KEYS.find((known) => known === name) ?? (Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : undefined);
  return key ?? refuse(`option ${shown(name)} has no meaning to flatnet`, `known options: ${KEYS.join(', ')}`);
}

/** `--opt flag` without a value is a yes. */
const booleanOf = (text: string): boolean | undefined =>
  ['', 'true', '1'].includes(text) ? true : ['false', '0'].includes(text) ? false : undefined;

const optional = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });
