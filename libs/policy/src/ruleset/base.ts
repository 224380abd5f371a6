/** What the table has without any network: the hooks, and the way of a packet through them. */
import { jump, match, meta, payload, vmap, type NftJson } from '@flatnet/kernel';
import { type Chain, type Element, type NamedSet, stateOf } from './table-state.ts';
import {
  accept,
  counter,
  ct,
  drop,
  FAMILIES,
  type Family,
  from,
  ip,
  isIn,
  isNotIn,
  pair,
  returns,
  subnet,
  to,
} from './words.ts';

/** Before the filters of other programs, which judge what passes here. */
const PRIORITY = -10;

const chain = (name: string, ...rules: readonly (readonly NftJson[])[]): Chain => ({
  name,
  rules: rules.map((expr) => ({ expr })),
});
const base = (hook: 'forward' | 'input' | 'output', ...rules: readonly (readonly NftJson[])[]): Chain => ({
  ...chain(hook, ...rules),
  hook: { type: 'filter', hook, prio: PRIORITY, policy: 'accept' },
});
const each = (rule: (family: Family) => readonly NftJson[]): readonly (readonly NftJson[])[] => FAMILIES.map(rule);
const icmpv6 = (type: NftJson): NftJson => match(payload('icmpv6', 'type'), type);

const CHAINS: readonly Chain[] = [
  /** The operator's: flatnet writes nothing into it, and keeps what is in it. */
  chain('admin'),
  chain(
    'deny',
    // A limit holds for ICMP errors: without a reset, clients would hang by chance.
    [match(meta('l4proto'), 'tcp'), { reject: { type: 'tcp reset' } }],
    [{ reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
  ),
  /** Answers pass by their direction and not by `established`: the asking side is judged with every packet, so that a change holds at once. */
  chain(
    'common',
    [match(ct('state'), 'invalid', 'in'), drop],
    [match(ct('state'), 'related', 'in'), accept],
    [match(ct('direction'), 'reply'), accept],
    [icmpv6({ range: ['nd-neighbor-solicit', 'nd-neighbor-advert'] }), accept],
    ...each((family) => [isIn(pair(from, ip(family, 'saddr'), ip(family, 'daddr')), `self${family}`), accept]),
    [jump('admin')],
  ),
  chain('egress', ...each((family) => [vmap(pair(from, ip(family, 'saddr')), `@egress${family}`)]), [
    vmap(from, '@unlisted'),
  ]),
  /** Published ports cross it: what was translated was asked for at an address of the host. */
  chain('isolation', [isNotIn(to, 'sealed'), match(ct('status'), 'dnat', 'in'), returns], [vmap(from, '@networks')]),
  chain(
    'outside',
    [jump('common')],
    [match(ct('status'), 'dnat', 'in'), returns],
    [isIn(to, 'published'), counter, drop],
  ),
  chain(
    'ingress',
    [isNotIn(from, 'bridges'), jump('outside')],
    ...each((family) => [vmap(pair(to, ip(family, 'daddr')), `@ingress${family}`)]),
  ),
  chain(
    'to_host',
    [icmpv6({ range: ['mld-listener-report', 'nd-router-solicit'] }), accept],
    [icmpv6('mld2-listener-report'), accept],
    [jump('common')],
    [jump('egress')],
  ),
  base(
    'forward',
    [isIn(from, 'bridges'), jump('common')],
    [isIn(from, 'bridges'), jump('egress')],
    [isIn(from, 'bridges'), jump('isolation')],
    [isIn(to, 'bridges'), jump('ingress')],
  ),
  base('input', [isIn(from, 'bridges'), jump('to_host')]),
  // A container that is told of a shorter way would leave out the host, which judges.
  base(
    'output',
    [isIn(to, 'routed'), match(payload('icmp', 'type'), 'redirect'), drop],
    [isIn(to, 'routed'), icmpv6('nd-redirect'), drop],
  ),
];

const links = (name: string): NamedSet => ({ name, type: 'ifname' });
const addresses = (family: Family): string => `ipv${family}_addr`;

const SETS: readonly NamedSet[] = [
  ...['bridges', 'closed', 'strict', 'sealed', 'published', 'routed'].map(links),
  { ...links('networks'), verdicts: true },
  { ...links('unlisted'), verdicts: true },
  ...FAMILIES.flatMap((family): readonly NamedSet[] => [
    { name: `egress${family}`, type: ['ifname', addresses(family)], verdicts: true },
    { name: `ingress${family}`, type: ['ifname', addresses(family)], verdicts: true },
    { name: `self${family}`, type: ['ifname', addresses(family), addresses(family)] },
    { name: `private${family}`, type: addresses(family), interval: true },
  ]),
];

/** RFC 1918, 6598, 3927, 1122, 5771, 1112; RFC 4193, 4291, 3879. */
const PRIVATE: Readonly<Record<Family, readonly string[]>> = {
  4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '224.0.0.0/3',
  ],
  6: ['::/96', 'fc00::/7', 'fe80::/9', 'ff00::/8'],
};

const ELEMENTS: readonly Element[] = FAMILIES.flatMap((family) =>
  PRIVATE[family].map((cidr): Element => ({ set: `private${family}`, key: subnet(cidr) })),
);

export const BASE = stateOf({ chains: CHAINS, sets: SETS, elements: ELEMENTS });
/** The chains that show whether the rules were flushed. */
export const HOOKS = ['forward', 'input'] as const;
