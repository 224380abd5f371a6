/** What a rule can look at: fields of a packet, and what the kernel knows of it beside. */
import type { CtKey, Expression, MetaKey, Register } from '../expression.ts';
import { FIB_FLAGS, FIB_RESULTS } from '../expression.ts';
import { type Json, objectIn, only, textIn, UnsupportedJson } from './json.ts';
import { type Kind, KINDS } from './kind.ts';

export type L3 = 'ip' | 'ip6' | 'arp';

/** A field of a header. `l3` and `l4` are the protocols without which the bytes mean something else. */
export interface Field {
  readonly base: 'link' | 'network' | 'transport';
  readonly offset: number;
  readonly kind: Kind;
  readonly l3?: L3;
  readonly l4?: number;
}

const k = KINDS;
const fields = (
  base: Field['base'],
  needs: Pick<Field, 'l3' | 'l4'>,
  ...list: readonly (readonly [string, number, Kind])[]
) => Object.fromEntries(list.map(([name, offset, kind]): [string, Field] => [name, { base, offset, kind, ...needs }]));

const PORTS = [
  ['sport', 0, k.inet_service],
  ['dport', 2, k.inet_service],
] as const;

/** Offsets of the headers of RFC 791, 8200, 826, 9293, 768, 9260, 792, 4443 and IEEE 802.3. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  ether: fields('link', {}, ['daddr', 0, k.ether_addr], ['saddr', 6, k.ether_addr], ['type', 12, k.ether_type]),
  ip: fields(
    'network',
    { l3: 'ip' },
    ['protocol', 9, k.inet_proto],
    ['saddr', 12, k.ipv4_addr],
    ['daddr', 16, k.ipv4_addr],
  ),
  ip6: fields(
    'network',
    { l3: 'ip6' },
    ['nexthdr', 6, k.inet_proto],
    ['saddr', 8, k.ipv6_addr],
    ['daddr', 24, k.ipv6_addr],
  ),
  arp: fields(
    'network',
    { l3: 'arp' },
    ['operation', 6, k.arp_op],
    ['saddr ether', 8, k.ether_addr],
    ['saddr ip', 14, k.ipv4_addr],
    ['daddr ether', 18, k.ether_addr],
    ['daddr ip', 24, k.ipv4_addr],
  ),
  icmp: fields('transport', { l3: 'ip', l4: 1 }, ['type', 0, k.icmp_type]),
  icmpv6: fields('transport', { l3: 'ip6', l4: 58 }, ['type', 0, k.icmpv6_type]),
  tcp: fields('transport', { l4: 6 }, ...PORTS, ['flags', 13, k.tcp_flag]),
  udp: fields('transport', { l4: 17 }, ...PORTS),
  sctp: fields('transport', { l4: 132 }, ...PORTS),
  th: fields('transport', {}, ...PORTS),
};

const META: Readonly<Record<MetaKey, Kind | undefined>> = {
  protocol: k.ether_type,
  mark: k.mark,
  iif: k.iface_index,
  oif: k.iface_index,
  iifname: k.ifname,
  oifname: k.ifname,
  nfproto: k.nfproto,
  l4proto: k.inet_proto,
  pkttype: undefined,
};
const CT: Partial<Record<CtKey, Kind>> = {
  state: k.ct_state,
  direction: k.ct_dir,
  status: k.ct_status,
  mark: k.mark,
};

/** A value that a rule loads: where from, of which kind, and how JSON says it. */
export interface Source {
  readonly json: Json;
  readonly kind: Kind;
  /** Of a header. */
  readonly field?: Field;
  load(to: Register): Expression;
}

/** @throws UnsupportedJson. */
export function sourceOf(json: Json): Source {
  const [name, inner] = only(json) ?? ['', null];
  if (name === 'payload') return payloadOf(json, objectIn(inner, 'payload'));
  if (name === 'meta') return metaSource(textIn(objectIn(inner, 'meta'), 'key') as MetaKey);
  if (name === 'ct') return ctSource(textIn(objectIn(inner, 'ct'), 'key') as CtKey);
  if (name === 'fib') return fibOf(json, objectIn(inner, 'fib'));
  throw new UnsupportedJson('an expression that is not supported', json);
}

function payloadOf(json: Json, { protocol, field: name }: { readonly protocol?: Json; readonly field?: Json }): Source {
  const field = FIELDS[String(protocol)]?.[String(name)];
  if (field === undefined) throw new UnsupportedJson('a field that is not supported', json);
  return payloadSource(String(protocol), String(name), field);
}

export const payloadSource = (protocol: string, name: string, field: Field): Source => ({
  json: { payload: { protocol, field: name } },
  kind: field.kind,
  field,
  load: (to) => ({ kind: 'payload', base: field.base, offset: field.offset, length: field.kind.size, to }),
});

/** The field of a protocol that stands at a place; `length` may be shorter, for a prefix. */
export function fieldAt(protocol: string, offset: number, length: number): Source | undefined {
  const found = Object.entries(FIELDS[protocol] ?? {}).find(
    ([, field]) => field.offset === offset && field.kind.size >= length,
  );
  return found === undefined ? undefined : payloadSource(protocol, ...found);
}

export function metaSource(key: MetaKey): Source {
  const kind = META[key];
  if (kind === undefined) throw new UnsupportedJson('a key of meta that is not supported', key);
  return { json: { meta: { key } }, kind, load: (to) => ({ kind: 'meta', key, to }) };
}

export function ctSource(key: CtKey): Source {
  const kind = CT[key];
  if (kind === undefined) throw new UnsupportedJson('a key of ct that is not supported', key);
  return { json: { ct: { key } }, kind, load: (to) => ({ kind: 'ct', key, to }) };
}

const FIB_KINDS = { oif: k.iface_index, oifname: k.ifname, type: k.fib_addrtype } as const;

function fibOf(json: Json, { result, flags }: { readonly result?: Json; readonly flags?: Json }): Source {
  const names = (Array.isArray(flags) ? flags : [flags]).map(String);
  const known = names.every((name): name is keyof typeof FIB_FLAGS => name in FIB_FLAGS);
  if (typeof result !== 'string' || !(result in FIB_RESULTS) || !known) {
    throw new UnsupportedJson('a lookup of routes that is not supported', json);
  }
  return fibSource(
    result as keyof typeof FIB_RESULTS,
    names.reduce((sum, name) => sum | FIB_FLAGS[name as keyof typeof FIB_FLAGS], 0),
  );
}

export const fibSource = (result: keyof typeof FIB_RESULTS, flags: number): Source => ({
  json: {
    fib: {
      result,
      flags: (Object.keys(FIB_FLAGS) as (keyof typeof FIB_FLAGS)[]).filter((name) => (FIB_FLAGS[name] & flags) !== 0),
    },
  },
  kind: FIB_KINDS[result],
  load: (to) => ({ kind: 'fib', result, flags, to }),
});
