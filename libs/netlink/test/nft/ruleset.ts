/** One ruleset in nft's words and as messages of this library: everything that flatnet's rules use. */
import type { Message } from '../../src/index.ts';
import { addChain, type Base } from '../../src/nft/chain.ts';
import { addElements, createElements } from '../../src/nft/element.ts';
import {
  CT_STATE,
  CT_STATUS,
  type Expression,
  FIB_FLAGS,
  FIB_TYPE_LOCAL,
  registerAt,
} from '../../src/nft/expression.ts';
import { intervalElements, prefixRange } from '../../src/nft/interval.ts';
import { addRule } from '../../src/nft/rule.ts';
import { addAnonymousSet, addSet } from '../../src/nft/set.ts';
import { addTable } from '../../src/nft/table.ts';
import { be16, byte, concat, ifname, ip, mac, mask, native32 } from '../../src/nft/value.ts';

export const TEXT = `
table inet t {
  comment "of a test"
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map address6 {
    type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service
    elements = { fd00::1 . tcp . 80 comment "hello" : fd00::2 . 8080 }
  }
  map hairpin { type ipv4_addr : verdict; elements = { 10.0.0.1 : goto admin, 10.0.0.2 : accept } }
  set localnet { type ifname; elements = { "eth0" } }
  set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 comment "c", 12.0.0.1-12.0.0.7 } }
  set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90 } }
  map marks { type mark : mark; elements = { 0x0 : 0x5 } }
  set macs { type ether_addr; size 16; comment "a set"; }
  chain admin { comment "the administrator's"; }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump admin comment "hi"
    dnat ip to meta l4proto . th dport map @any4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @address6
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat ip daddr vmap @hairpin
    ip saddr 10.87.1.0/24 ip daddr != 10.87.1.0/24 ip daddr != 224.0.0.0/4 masquerade
    ip saddr 10.87.1.0/24 snat ip to 10.1.1.1
    ip6 saddr fd00::/64 counter masquerade
  }
  chain forward {
    type filter hook forward priority -150; policy drop;
    ip saddr 10.87.1.0/24 tcp flags & (syn|rst) == syn tcp option maxseg size set rt mtu
    iifname "eth0" oifname @localnet drop
    ip saddr { 10.0.0.1, 10.0.0.2 } return
    ct state established,related accept
    tcp dport 80-90 reject with tcp reset
    limit rate 5/second burst 10 packets accept
    meta mark set 0x1
    iifname vmap { "eth0" : accept, "eth1" : jump admin }
  }
}
table bridge b {
  map ports { type ifname : verdict; }
  chain port {
    ether saddr != 02:00:00:00:00:01 drop
    arp saddr ether != 02:00:00:00:00:01 drop
    arp saddr ip != { 10.0.0.1, 0.0.0.0 } drop
    meta protocol ip drop
    icmpv6 type { nd-router-advert, nd-redirect } drop
    ip6 saddr != { fd00::1, ::, fe80::/10 } drop
  }
  chain guard { type filter hook prerouting priority -300; iifname vmap @ports; }
}
`;

const T = { family: 'inet', table: 't' } as const;
const B = { family: 'bridge', table: 'b' } as const;

const load = (base: 'link' | 'network' | 'transport', offset: number, length: number, to = 1): Expression => ({
  kind: 'payload',
  base,
  offset,
  length,
  to,
});
const meta = (key: 'nfproto' | 'l4proto' | 'iifname' | 'oifname' | 'protocol', to = 1): Expression => ({
  kind: 'meta',
  key,
  to,
});
const eq = (value: Uint8Array): Expression => ({ kind: 'cmp', from: 1, op: 'eq', value });
const neq = (value: Uint8Array): Expression => ({ kind: 'cmp', from: 1, op: 'neq', value });
const and = (value: Uint8Array): Expression => ({
  kind: 'bitwise',
  from: 1,
  to: 1,
  length: value.length,
  mask: value,
  xor: new Uint8Array(value.length),
});
const verdict = (verdict: 'accept' | 'drop' | 'return' | { readonly jump: string }): Expression => ({
  kind: 'verdict',
  verdict,
});
const isV4 = [meta('nfproto'), eq(byte(2))];
const isV6 = [meta('nfproto'), eq(byte(10))];
const isTcp = [meta('l4proto'), eq(byte(6))];
const from24 = [...isV4, load('network', 12, 3), eq(ip('10.87.1.0').subarray(0, 3))];
const base = (
  type: Base['type'],
  hook: Base['hook'],
  priority: number,
  policy: Base['policy'] = 'accept',
): { base: Base } => ({
  base: { type, hook, priority, policy },
});

const rules = (at: typeof T | typeof B, chain: string, ...list: readonly (readonly Expression[])[]): Message[] =>
  list.map((expressions) => addRule({ ...at, chain, expressions }));

export const MESSAGES: readonly Message[] = [
  addTable({ ...T, comment: 'of a test' }),
  addChain({ ...T, chain: 'admin', comment: "the administrator's" }),
  addChain({ ...T, chain: 'prerouting', ...base('nat', 'prerouting', -100) }),
  addChain({ ...T, chain: 'postrouting', ...base('nat', 'postrouting', 100) }),
  addChain({ ...T, chain: 'forward', ...base('filter', 'forward', -150, 'drop') }),
  addSet({ ...T, set: 'any4', key: ['inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] }),
  addSet({
    ...T,
    set: 'address6',
    key: ['ipv6_addr', 'inet_proto', 'inet_service'],
    data: ['ipv6_addr', 'inet_service'],
  }),
  addSet({ ...T, set: 'hairpin', key: 'ipv4_addr', data: 'verdict' }),
  addSet({ ...T, set: 'localnet', key: 'ifname' }),
  addSet({ ...T, set: 'nets', key: 'ipv4_addr', interval: true }),
  addSet({ ...T, set: 'pairs', key: ['ipv4_addr', 'inet_service'], interval: true }),
  addSet({ ...T, set: 'marks', key: 'mark', data: 'mark' }),
  addSet({ ...T, set: 'macs', key: 'ether_addr', size: 16, comment: 'a set' }),
  ...addElements({ ...T, set: 'address6' }, [
    {
      key: concat(ip('fd00::1'), byte(6), be16(80)),
      data: concat(ip('fd00::2'), be16(8080)),
      comment: 'hello',
    },
  ]),
  ...createElements({ ...T, set: 'hairpin' }, [
    { key: ip('10.0.0.1'), data: { goto: 'admin' } },
    { key: ip('10.0.0.2'), data: 'accept' },
  ]),
  ...addElements({ ...T, set: 'localnet' }, [{ key: ifname('eth0') }]),
  ...addElements(
    { ...T, set: 'nets' },
    intervalElements([
      { from: ip('12.0.0.1'), to: ip('12.0.0.7') },
      { ...prefixRange(ip('10.0.0.0'), 8), comment: 'c' },
    ]),
  ),
  ...addElements({ ...T, set: 'pairs' }, [
    { key: concat(ip('10.0.0.0'), be16(80)), keyEnd: concat(ip('10.255.255.255'), be16(90)) },
  ]),
  ...addElements({ ...T, set: 'marks' }, [{ key: native32(0), data: native32(5) }]),
  addRule({
    ...T,
    chain: 'prerouting',
    comment: 'hi',
    expressions: [
      { kind: 'fib', result: 'type', flags: FIB_FLAGS.daddr, to: 1 },
      eq(native32(FIB_TYPE_LOCAL)),
      verdict({ jump: 'admin' }),
    ],
  }),
  ...rules(
    T,
    'prerouting',
    [
      meta('l4proto', registerAt(0)),
      load('transport', 2, 2, registerAt(1)),
      { kind: 'lookup', set: 'any4', from: 1, to: 1 },
      { kind: 'nat', type: 'dnat', family: 'ip', address: 1, port: registerAt(1) },
    ],
    [
      ...isV6,
      load('network', 24, 16, registerAt(0)),
      meta('l4proto', registerAt(4)),
      load('transport', 2, 2, registerAt(5)),
      { kind: 'lookup', set: 'address6', from: 1, to: 1 },
      { kind: 'nat', type: 'dnat', family: 'ip6', address: registerAt(0), port: registerAt(4) },
    ],
  ),
  ...rules(
    T,
    'postrouting',
    [
      { kind: 'ct', key: 'status', to: 1 },
      and(native32(CT_STATUS.dnat)),
      neq(native32(0)),
      ...isV4,
      load('network', 16, 4),
      { kind: 'lookup', set: 'hairpin', from: 1, to: 0 },
    ],
    [
      ...from24,
      load('network', 16, 3),
      neq(ip('10.87.1.0').subarray(0, 3)),
      load('network', 16, 4),
      and(mask(4, 4)),
      neq(ip('224.0.0.0')),
      { kind: 'masquerade' },
    ],
    [
      ...from24,
      { kind: 'immediate', to: 1, value: ip('10.1.1.1') },
      { kind: 'nat', type: 'snat', family: 'ip', address: 1 },
    ],
    [...isV6, load('network', 8, 8), eq(ip('fd00::').subarray(0, 8)), { kind: 'counter' }, { kind: 'masquerade' }],
  ),
  addAnonymousSet({ ...T, id: 21, key: 'ipv4_addr', size: 2 }),
  ...addElements({ ...T, set: '__set%d', id: 21 }, [{ key: ip('10.0.0.1') }, { key: ip('10.0.0.2') }]),
  addAnonymousSet({ ...T, id: 22, key: 'ifname', data: 'verdict', size: 2 }),
  ...addElements({ ...T, set: '__map%d', id: 22 }, [
    { key: ifname('eth0'), data: 'accept' },
    { key: ifname('eth1'), data: { jump: 'admin' } },
  ]),
  ...rules(
    T,
    'forward',
    [
      ...from24,
      ...isTcp,
      load('transport', 13, 1),
      and(byte(6)),
      eq(byte(2)),
      { kind: 'rt', key: 'tcpmss', to: 1 },
      { kind: 'byteorder', op: 'hton', from: 1, to: 1, length: 2, size: 2 },
      { kind: 'tcp-option-set', option: 2, offset: 2, length: 2, from: 1 },
    ],
    [
      meta('iifname'),
      eq(ifname('eth0')),
      meta('oifname'),
      { kind: 'lookup', set: 'localnet', from: 1 },
      verdict('drop'),
    ],
    [...isV4, load('network', 12, 4), { kind: 'lookup', set: '__set%d', id: 21, from: 1 }, verdict('return')],
    [
      { kind: 'ct', key: 'state', to: 1 },
      and(native32(CT_STATE.established | CT_STATE.related)),
      neq(native32(0)),
      verdict('accept'),
    ],
    [
      ...isTcp,
      load('transport', 2, 2),
      { kind: 'range', from: 1, op: 'eq', low: be16(80), high: be16(90) },
      { kind: 'reject', type: 'tcp-reset', code: 0 },
    ],
    [{ kind: 'limit', rate: 5n, unit: 1n, burst: 10, type: 'packets' }, verdict('accept')],
    [
      { kind: 'immediate', to: 1, value: native32(1) },
      { kind: 'meta-set', key: 'mark', from: 1 },
    ],
    [meta('iifname'), { kind: 'lookup', set: '__map%d', id: 22, from: 1, to: 0 }],
  ),
  addTable(B),
  addChain({ ...B, chain: 'port' }),
  addChain({ ...B, chain: 'guard', ...base('filter', 'prerouting', -300) }),
  addSet({ ...B, set: 'ports', key: 'ifname', data: 'verdict' }),
  addAnonymousSet({ ...B, id: 31, key: 'ipv4_addr', size: 2 }),
  ...addElements({ ...B, set: '__set%d', id: 31 }, [{ key: ip('10.0.0.1') }, { key: ip('0.0.0.0') }]),
  addAnonymousSet({ ...B, id: 32, key: 'icmpv6_type', size: 2 }),
  ...addElements({ ...B, set: '__set%d', id: 32 }, [{ key: byte(134) }, { key: byte(137) }]),
  addAnonymousSet({ ...B, id: 33, key: 'ipv6_addr', interval: true, size: 6 }),
  ...addElements(
    { ...B, set: '__set%d', id: 33 },
    intervalElements([
      { from: ip('fd00::1'), to: ip('fd00::1') },
      { from: ip('::'), to: ip('::') },
      prefixRange(ip('fe80::'), 10),
    ]),
  ),
  ...rules(
    B,
    'port',
    [load('link', 6, 6), neq(mac('02:00:00:00:00:01')), verdict('drop')],
    [load('link', 12, 2), eq(be16(0x806)), load('network', 8, 6), neq(mac('02:00:00:00:00:01')), verdict('drop')],
    [
      load('link', 12, 2),
      eq(be16(0x806)),
      load('network', 14, 4),
      { kind: 'lookup', set: '__set%d', id: 31, from: 1, inverted: true },
      verdict('drop'),
    ],
    [meta('protocol'), eq(be16(0x800)), verdict('drop')],
    [
      load('link', 12, 2),
      eq(be16(0x86dd)),
      meta('l4proto'),
      eq(byte(58)),
      load('transport', 0, 1),
      { kind: 'lookup', set: '__set%d', id: 32, from: 1 },
      verdict('drop'),
    ],
    [
      meta('protocol'),
      eq(be16(0x86dd)),
      load('network', 8, 16),
      { kind: 'lookup', set: '__set%d', id: 33, from: 1, inverted: true },
      verdict('drop'),
    ],
  ),
  ...rules(B, 'guard', [meta('iifname'), { kind: 'lookup', set: 'ports', from: 1, to: 0 }]),
];
