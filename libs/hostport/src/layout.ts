/**
 * The table of published ports. Every lookup is one step in a hash, whatever the number of ports:
 *
 *   table inet flatnet_hostport {
 *     chain admin { }                        the administrator's: asked first, created once, never flushed
 *     map address4 { daddr . proto . port : container address . port }      published on one address   (address6 likewise)
 *     map any4     { proto . port : container address . port }              published on all            (any6)
 *     map limit_address4, limit_any4 { same keys : jump allow_<hash> }      allowFrom                   (…6)
 *     map hairpin4 { container address : goto masq_<…> }                    containers that are masqueraded (hairpin6)
 *     set localnet { interfaces with route_localnet=1 }
 *
 *     chain prerouting  nat, dstnat:  to an address of the host -> admin, published_from_outside
 *     chain output      nat, dstnat:  to an address of the host -> published
 *     chain postrouting nat, srcnat:  translated by DNAT -> by container address, hairpin4 and hairpin6
 *     chain guard       filter, raw:  from an interface of localnet to or from 127.0.0.0/8 -> drop (CVE-2020-8558)
 *   }
 *
 * Only `fib daddr type local` enters: transit traffic to the same port is untouched (CVE-2025-67499). Chains `allow_` and `masq_` are
 * named by their content, so they never change and networks share them; the last user's DEL deletes them.
 *
 * The names are the layout's version: a call adds elements only, and builds the base when nft answers that something is missing.
 */
import {
  add,
  chain,
  flush,
  map,
  match,
  meta,
  type NftCommand,
  type NftJson,
  payload,
  prefix,
  concat,
  jump,
  rule,
  table,
  vmap,
} from '@flatnet/kernel';
import type { Family } from './model.ts';

export const TABLE = { family: 'inet', table: 'flatnet_hostport' } as const;
export const ADMIN = 'admin';
export const LOCALNET = 'localnet';

export const mapName = (kind: 'any' | 'address' | 'limit_any' | 'limit_address' | 'hairpin', family: Family): string =>
  `${kind}${family}`;

const PROTOCOL = meta('l4proto');
const PORT = payload('th', 'dport');
const FAMILIES = [4, 6] as const;

const protocolOf = (family: Family): 'ip' | 'ip6' => (family === 4 ? 'ip' : 'ip6');
const addressType = (family: Family): 'ipv4_addr' | 'ipv6_addr' => (family === 4 ? 'ipv4_addr' : 'ipv6_addr');
const destination = (family: Family): NftJson => payload(protocolOf(family), 'daddr');

const maps = (family: Family): readonly NftCommand[] => {
  const address = addressType(family);
  const port = ['inet_proto', 'inet_service'];
  return [
    add(map(TABLE, mapName('any', family), port, [address, 'inet_service'])),
    add(map(TABLE, mapName('address', family), [address, ...port], [address, 'inet_service'])),
    add(map(TABLE, mapName('limit_any', family), port, 'verdict')),
    add(map(TABLE, mapName('limit_address', family), [address, ...port], 'verdict')),
    add(map(TABLE, mapName('hairpin', family), address, 'verdict')),
  ];
};

const dnat = (family: Family, key: NftJson, kind: 'any' | 'address'): NftJson => ({
  dnat: { family: protocolOf(family), addr: { map: { key, data: `@${mapName(kind, family)}` } } },
});

const lookups = (family: Family, limited: boolean): readonly (readonly NftJson[])[] => {
  const any = concat(PROTOCOL, PORT);
  const one = concat(destination(family), PROTOCOL, PORT);
  // A key without an address is the same for both families.
  const ours = match(meta('nfproto'), family === 4 ? 'ipv4' : 'ipv6');
  const limit = (key: NftJson, kind: 'limit_any' | 'limit_address') =>
    limited ? [[ours, vmap(key, `@${mapName(kind, family)}`)]] : [];
  return [
    ...limit(one, 'limit_address'),
    [dnat(family, one, 'address')],
    ...limit(any, 'limit_any'),
    [dnat(family, any, 'any')],
  ];
};

const local = match({ fib: { result: 'type', flags: ['daddr'] } }, 'local');
const loopback = prefix('127.0.0.0', 8);
const fromLocalnet = match(meta('iifname'), `@${LOCALNET}`);
const translated = match({ ct: { key: 'status' } }, 'dnat', 'in');

/** Chains that are ours to rebuild, and their rules in order. */
export const CHAINS: Readonly<Record<string, readonly (readonly NftJson[])[]>> = {
  published: FAMILIES.flatMap((family) => lookups(family, false)),
  published_from_outside: FAMILIES.flatMap((family) => lookups(family, true)),
  prerouting: [
    [local, jump(ADMIN)],
    [local, jump('published_from_outside')],
  ],
  // ::1 cannot leave the host (IPv6 has no route_localnet), so it is left to the program that listens there.
  output: [
    [match(destination(6), '::1'), { return: null }],
    [local, jump('published')],
  ],
  postrouting: FAMILIES.map((family) => [translated, vmap(destination(family), `@${mapName('hairpin', family)}`)]),
  guard: [
    [fromLocalnet, match(payload('ip', 'daddr'), loopback), { drop: null }],
    [fromLocalnet, match(payload('ip', 'saddr'), loopback), { drop: null }],
  ],
};

const targetOf = (statement: NftJson | undefined): NftJson | undefined =>
  (statement as { jump?: { target: NftJson } } | undefined)?.jump?.target;

/** What the kernel counts of each of `CHAINS` that is whole: its rules, and the rules that lead to it. */
export const USES: ReadonlyMap<string, number> = new Map(
  Object.entries(CHAINS).map(([name, rules]) => {
    const leading = Object.values(CHAINS).flatMap((each) => each.filter((rule) => targetOf(rule.at(-1)) === name));
    return [name, rules.length + leading.length];
  }),
);

const HOOKS = {
  prerouting: { type: 'nat', hook: 'prerouting', prio: -100, policy: 'accept' },
  output: { type: 'nat', hook: 'output', prio: -100, policy: 'accept' },
  postrouting: { type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' },
  guard: { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' },
} as const;

export const SETS: readonly string[] = [
  ...FAMILIES.flatMap((family) =>
    (['any', 'address', 'limit_any', 'limit_address', 'hairpin'] as const).map((kind) => mapName(kind, family)),
  ),
  LOCALNET,
];

/** Builds the table, whatever is there: chains get their rules anew, elements and the admin chain stay as they are. */
export const baseCommands = (contentChains: readonly NftCommand[]): readonly NftCommand[] => [
  add(table(TABLE)),
  ...[ADMIN, ...Object.keys(CHAINS)].map((name) => add(chain(TABLE, name, HOOKS[name as keyof typeof HOOKS]))),
  ...contentChains.filter((command) => command.add?.['chain'] !== undefined),
  ...FAMILIES.flatMap(maps),
  add(map(TABLE, LOCALNET, 'ifname')),
  ...Object.keys(CHAINS).map((name) => flush(chain(TABLE, name))),
  ...contentChains.filter((command) => command.add?.['chain'] === undefined),
  ...Object.entries(CHAINS).flatMap(([name, rules]) => rules.map((expr) => add(rule(TABLE, name, expr)))),
];
