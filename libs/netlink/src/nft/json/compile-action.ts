/** Translations and changes, as nft 1.0.6 says them. */
import { NAT_FLAGS, registerAt, type RT_KEYS } from '../expression.ts';
import { be16, byte } from '../value.ts';
import { type Context, equals, loadKey } from './compile-context.ts';
import { kindsOf } from './elements.ts';
import { metaSource } from './field.ts';
import { isObject, type Json, type JsonObject, objectIn, only, textIn, UnsupportedJson } from './json.ts';
import { KINDS } from './kind.ts';

export function nat(context: Context, type: 'snat' | 'dnat', { family, addr = null, port, flags }: JsonObject): void {
  const [shape, map] = only(addr) ?? ['', null];
  const ownFamily = context.table.family === 'ip' || context.table.family === 'ip6' ? context.table.family : undefined;
  const to = family ?? ownFamily;
  if (to !== 'ip' && to !== 'ip6') throw new UnsupportedJson('the family of a translation is missing', addr);
  const kind = to === 'ip' ? KINDS.ipv4_addr : KINDS.ipv6_addr;
  const base = {
    kind: 'nat',
    type,
    family: to,
    address: 1,
    ...natFlags(flags === undefined ? null : { flags }),
  } as const;
  if (shape === 'map') {
    const { key = null, data } = objectIn(map, 'map');
    loadKey(context, key);
    if (typeof data !== 'string' || !data.startsWith('@'))
      throw new UnsupportedJson('a map that is not supported', map);
    const types = context.typesOf(data.slice(1)).data;
    const hasPort = types !== undefined && types !== 'verdict' && kindsOf(types).length > 1;
    context.expressions.push(
      { kind: 'lookup', set: data.slice(1), from: 1, to: 1 },
      hasPort ? { ...base, port: registerAt(kind.size / 4) } : base,
    );
    return;
  }
  context.expressions.push({ kind: 'immediate', to: 1, value: kind.parse(addr) });
  if (port === undefined) context.expressions.push(base);
  else
    context.expressions.push({ kind: 'immediate', to: 2, value: KINDS.inet_service.parse(port) }, { ...base, port: 2 });
}

const FLAG_NAMES: Readonly<Record<string, number>> = {
  random: NAT_FLAGS.random,
  persistent: NAT_FLAGS.persistent,
  'fully-random': NAT_FLAGS.fullyRandom,
};

export function natFlags(inner: Json): { readonly flags?: number } {
  const flags = isObject(inner) ? inner['flags'] : undefined;
  if (flags === undefined) return {};
  const names = (Array.isArray(flags) ? flags : [flags]) as readonly Json[];
  return {
    flags: names.reduce((sum: number, name) => {
      const bit = FLAG_NAMES[String(name)];
      if (bit === undefined) throw new UnsupportedJson('a flag that is not supported', name);
      return sum | bit;
    }, 0),
  };
}

/** Kind and option numbers of TCP's largest segment (RFC 9293), and where in the option it stands. */
const MAXSEG = { option: 2, offset: 2, length: 2 } as const;
const RT: Readonly<Record<string, keyof typeof RT_KEYS>> = { mtu: 'tcpmss' };

export function mangle(context: Context, { key = null, value = null }: JsonObject): void {
  const [what, inner] = only(key) ?? ['', null];
  if (what === 'meta' && textIn(objectIn(inner, 'meta'), 'key') === 'mark') {
    context.expressions.push(
      { kind: 'immediate', to: 1, value: metaSource('mark').kind.parse(value) },
      { kind: 'meta-set', key: 'mark', from: 1 },
    );
    return;
  }
  const option = what === 'tcp option' ? objectIn(inner, 'tcp option') : undefined;
  if (option?.['name'] !== 'maxseg' || option['field'] !== 'size')
    throw new UnsupportedJson('a change that is not supported', key);
  requireTcp(context);
  const [from, route] = only(value) ?? ['', null];
  const rt = from === 'rt' ? RT[textIn(objectIn(route, 'rt'), 'key')] : undefined;
  if (rt !== undefined) {
    context.expressions.push(
      { kind: 'rt', key: rt, to: 1 },
      { kind: 'byteorder', op: 'hton', from: 1, to: 1, length: 2, size: 2 },
    );
  } else if (typeof value === 'number') context.expressions.push({ kind: 'immediate', to: 1, value: be16(value) });
  else throw new UnsupportedJson('a value that is not supported', value);
  context.expressions.push({ kind: 'tcp-option-set', ...MAXSEG, from: 1 });
}

/** NFT_REJECT_ICMPX_* of nf_tables.h: codes that both ICMP and ICMPv6 have. */
export const ICMPX: Readonly<Record<string, number>> = {
  'no-route': 0,
  'port-unreachable': 1,
  'host-unreachable': 2,
  'admin-prohibited': 3,
};

export function reject(context: Context, inner: Json): void {
  const { type, expr } = isObject(inner) ? inner : {};
  const code = ICMPX[String(expr)];
  if (type === 'tcp reset') {
    requireTcp(context);
    context.expressions.push({ kind: 'reject', type: 'tcp-reset', code: 0 });
  } else if (type === 'icmpx' && code !== undefined) {
    context.expressions.push({ kind: 'reject', type: 'icmpx', code });
  } else throw new UnsupportedJson('a way to reject that is not supported', inner);
}

function requireTcp(context: Context): void {
  const TCP = 6;
  if (context.l4 === TCP) return;
  context.expressions.push({ kind: 'meta', key: 'l4proto', to: 1 }, equals(byte(TCP)));
  context.l4 = TCP;
}
