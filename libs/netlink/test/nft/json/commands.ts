/** Commands of nft's JSON language as flatnet's rulesets use them. */
import type { Json } from '../../../src/nft/json/json.ts';

const T = { family: 'inet', table: 't' } as const;
const B = { family: 'bridge', table: 'b' } as const;
const chain = (at: typeof T | typeof B, name: string, more: object = {}): Json => ({
  add: { chain: { ...at, name, ...more } },
});
const hook = (type: string, where: string, prio: number, policy = 'accept') => ({ type, hook: where, prio, policy });
const map = (name: string, type: Json, to: Json): Json => ({ add: { map: { ...T, name, type, map: to } } });
const match = (left: Json, right: Json, op = '=='): Json => ({ match: { op, left, right } });
const payload = (protocol: string, field: string): Json => ({ payload: { protocol, field } });
const meta = (key: string): Json => ({ meta: { key } });
const prefix = (addr: string, len: number): Json => ({ prefix: { addr, len } });
const jump = (target: string): Json => ({ jump: { target } });
const PORT: Json = { concat: [meta('l4proto'), payload('th', 'dport')] };
const drop: Json = { drop: null };

/** Rules of `inet t`, by their chain. */
export const RULES: Readonly<Record<string, readonly (readonly Json[])[]>> = {
  prerouting: [
    [match({ fib: { result: 'type', flags: ['daddr'] } }, 'local'), jump('admin')],
    [{ dnat: { family: 'ip', addr: { map: { key: PORT, data: '@any4' } } } }],
    [
      {
        dnat: {
          family: 'ip6',
          addr: {
            map: {
              key: { concat: [payload('ip6', 'daddr'), meta('l4proto'), payload('th', 'dport')] },
              data: '@address6',
            },
          },
        },
      },
    ],
    [
      match(meta('nfproto'), 'ipv4'),
      { vmap: { key: { concat: [payload('ip', 'daddr'), meta('l4proto'), payload('th', 'dport')] }, data: '@limit4' } },
    ],
    [match(meta('nfproto'), 'ipv4'), { vmap: { key: PORT, data: '@limit_any4' } }],
    [match(payload('tcp', 'dport'), 80), { dnat: { family: 'ip', addr: '10.1.1.9', port: 8080 } }],
  ],
  postrouting: [
    [match({ ct: { key: 'status' } }, 'dnat', 'in'), { vmap: { key: payload('ip', 'daddr'), data: '@hairpin' } }],
    [
      match(payload('ip', 'saddr'), prefix('10.87.1.0', 24)),
      match(payload('ip', 'daddr'), prefix('10.87.1.0', 24), '!='),
      match(payload('ip', 'daddr'), prefix('224.0.0.0', 4), '!='),
      { masquerade: null },
    ],
    [match(payload('ip', 'saddr'), prefix('10.87.0.0', 21)), { snat: { family: 'ip', addr: '10.1.1.1' } }],
    [
      match(payload('ip6', 'saddr'), prefix('fd00::', 64)),
      { counter: null },
      { masquerade: { flags: 'fully-random' } },
    ],
    [match(payload('ip6', 'daddr'), prefix('ff00::', 8)), { return: null }],
    [match(meta('nfproto'), 'ipv6'), { masquerade: null }],
    [{ vmap: { key: { concat: [meta('iifname'), payload('ip', 'saddr')] }, data: '@by_device' } }],
  ],
  forward: [
    [
      match(payload('ip', 'saddr'), prefix('10.87.1.0', 24)),
      match({ '&': [payload('tcp', 'flags'), { '|': ['syn', 'rst'] }] }, 'syn'),
      { mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value: { rt: { key: 'mtu' } } } },
    ],
    [match(meta('iifname'), 'eth0'), match(meta('oifname'), '@localnet'), drop],
    [match(meta('iifname'), '@localnet'), match(payload('ip', 'daddr'), prefix('127.0.0.0', 8)), drop],
    [match(payload('ip', 'saddr'), { set: ['10.0.0.1', '10.0.0.2'] }), { return: null }],
    [match(payload('ip6', 'daddr'), '::1'), { return: null }],
    [match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), { accept: null }],
    [match(payload('tcp', 'dport'), { range: [80, 90] }), { goto: { target: 'admin' } }],
    [match(payload('udp', 'dport'), { set: [53, 67] }, '!='), drop],
    [match(payload('ip', 'saddr'), '10.0.0.9', '!='), { mangle: { key: meta('mark'), value: 7 } }],
    [match(meta('mark'), 7), match(meta('l4proto'), 'udp'), { accept: null }],
    [match({ ct: { key: 'direction' } }, 'reply'), { accept: null }],
    [match(payload('icmpv6', 'type'), { range: ['nd-neighbor-solicit', 'nd-neighbor-advert'] }), { accept: null }],
    [match(payload('icmpv6', 'type'), 'mld2-listener-report'), { accept: null }],
    [match({ concat: [payload('ip', 'saddr'), payload('ip', 'daddr')] }, '@self'), { accept: null }],
    [match(payload('ip', 'daddr'), '@nets', '!='), match({ fib: { result: 'type', flags: ['daddr'] } }, 'unicast')],
    [match(meta('l4proto'), 'tcp'), { reject: { type: 'tcp reset' } }],
    [{ counter: null }, { reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
    [
      {
        vmap: {
          key: meta('iifname'),
          data: {
            set: [
              ['eth0', { accept: null }],
              ['eth1', jump('admin')],
            ],
          },
        },
      },
    ],
  ],
};

/** Rules of `bridge b`. */
export const BRIDGE_RULES: Readonly<Record<string, readonly (readonly Json[])[]>> = {
  port: [
    [match(payload('ether', 'saddr'), '02:00:00:00:00:01', '!='), drop],
    [match(payload('arp', 'saddr ether'), '02:00:00:00:00:01', '!='), drop],
    [match(payload('arp', 'saddr ip'), { set: ['10.0.0.1', '0.0.0.0'] }, '!='), drop],
    [match(payload('ip', 'saddr'), { set: ['10.0.0.1'] }, '!='), drop],
    [match(meta('protocol'), 'ip'), drop],
    [match(payload('icmpv6', 'type'), { set: ['nd-router-advert', 'nd-redirect'] }), drop],
    [match(payload('ip6', 'saddr'), { set: ['fd00::1', '::', prefix('fe80::', 10)] }, '!='), drop],
  ],
  guard: [[{ vmap: { key: meta('iifname'), data: '@ports' } }]],
};

const rules = (at: typeof T | typeof B, byChain: typeof RULES): Json[] =>
  Object.entries(byChain).flatMap(([name, list]) =>
    list.map((expr): Json => ({ add: { rule: { ...at, chain: name, expr } } })),
  );

/** In nft's own words: JSON of nft 1.0.6 cannot say that the data of a map are a concatenation. */
export const MAPS_AS_TEXT = `
  add table inet t
  add map inet t any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  add map inet t address6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
`;
export const MAPS: readonly Json[] = [
  { add: { table: { family: 'inet', name: 't' } } },
  map('any4', ['inet_proto', 'inet_service'], ['ipv4_addr', 'inet_service']),
  map('address6', ['ipv6_addr', 'inet_proto', 'inet_service'], ['ipv6_addr', 'inet_service']),
];

export const COMMANDS: readonly Json[] = [
  chain(T, 'admin'),
  chain(T, 'prerouting', hook('nat', 'prerouting', -100)),
  chain(T, 'postrouting', hook('nat', 'postrouting', 100)),
  chain(T, 'forward', hook('filter', 'forward', -150, 'drop')),
  map('limit4', ['ipv4_addr', 'inet_proto', 'inet_service'], 'verdict'),
  map('limit_any4', ['inet_proto', 'inet_service'], 'verdict'),
  map('hairpin', 'ipv4_addr', 'verdict'),
  map('by_device', ['ifname', 'ipv4_addr'], 'verdict'),
  map('marks', 'mark', 'mark'),
  { add: { set: { ...T, name: 'localnet', type: 'ifname' } } },
  { add: { set: { ...T, name: 'self', type: ['ipv4_addr', 'ipv4_addr'] } } },
  { add: { set: { ...T, name: 'nets', type: 'ipv4_addr', flags: ['interval'] } } },
  {
    add: {
      element: {
        ...T,
        name: 'any4',
        elem: [[{ elem: { val: { concat: ['tcp', 8080] }, comment: 'of web' } }, { concat: ['10.1.2.3', 80] }]],
      },
    },
  },
  {
    create: {
      element: { ...T, name: 'address6', elem: [[{ concat: ['fd00::1', 'udp', 53] }, { concat: ['fd00::2', 5353] }]] },
    },
  },
  {
    add: {
      element: {
        ...T,
        name: 'hairpin',
        elem: [
          ['10.0.0.1', { goto: { target: 'admin' } }],
          ['10.0.0.2', { accept: null }],
        ],
      },
    },
  },
  { add: { element: { ...T, name: 'by_device', elem: [[{ concat: ['eth0', '10.0.0.1'] }, jump('admin')]] } } },
  { add: { element: { ...T, name: 'marks', elem: [[0, 4_000_000_000]] } } },
  { add: { element: { ...T, name: 'localnet', elem: ['eth0', 'eth1', 'eth2'] } } },
  {
    add: {
      element: { ...T, name: 'nets', elem: [prefix('10.0.0.0', 8), { range: ['12.0.0.1', '12.0.0.6'] }, '192.0.2.1'] },
    },
  },
  { delete: { element: { ...T, name: 'localnet', elem: ['eth1'] } } },
  ...rules(T, RULES),
  { insert: { rule: { ...T, chain: 'forward', expr: [{ counter: null }], comment: 'first' } } },
  { add: { table: { family: 'bridge', name: 'b' } } },
  chain(B, 'port'),
  chain(B, 'guard', hook('filter', 'prerouting', -300)),
  { add: { map: { ...B, name: 'ports', type: 'ifname', map: 'verdict' } } },
  { add: { element: { ...B, name: 'ports', elem: [['eth0', jump('port')]] } } },
  ...rules(B, BRIDGE_RULES),
];
