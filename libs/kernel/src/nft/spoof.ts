/**
 * The guard of a bridge port: what a container sends must come from its own MAC and addresses. One table per host, keyed by the name
 * of the host end, so DEL finds everything without notes.
 *
 *   table bridge flatnet {
 *     chain port_<network>_<attachment> { ether saddr != MAC drop; arp … drop; ip saddr != ADDRESS drop; … }
 *     map ports { type ifname : verdict; elements = { fl3c0a91d2e7b4 : jump port_… } }
 *     chain guard { type filter hook prerouting priority -300; iifname vmap @ports }
 *   }
 */
import {
  add,
  chain,
  create,
  elements,
  flush,
  jump,
  map,
  match,
  meta,
  payload,
  prefix,
  remove,
  rule,
  table,
  vmap,
  type NftCommand,
  type NftJson,
} from './commands.ts';

export const GUARD = { family: 'bridge', table: 'flatnet' } as const;
export const PORTS = 'ports';
export const BASE = 'guard';

/** `port_<12 hex of the network>_<12 hex of the attachment>` */
export const portChain = (tag: string, hostVeth: string): string => `${portChainPrefix(tag)}${hostVeth.slice(2)}`;
export const portChainPrefix = (tag: string): string => `port_${tag}_`;

const drop: NftJson = { drop: null };
const anyOf = (values: readonly NftJson[]): NftJson => ({ set: values });

/** A port of a bridge, and what its container may send from. */
export interface GuardedPort {
  /** Stands for the network in names: 12 characters `[0-9a-f]`. */
  readonly tag: string;
  /** The host end, `fl` and 12 hex digits. */
  readonly hostVeth: string;
  readonly containerMac: string;
  /** IP addresses without prefix. Absent: `macspoofchk`, which looks at the MAC alone. */
  readonly addresses?: readonly string[];
}

/** What a port may not send. */
export function guardRules(mac: string, addresses: readonly string[] | undefined): readonly (readonly NftJson[])[] {
  const ownMac = match(payload('ether', 'saddr'), mac, '!=');
  if (addresses === undefined) return [[ownMac, drop]];
  const of = (family: 4 | 6): string[] => addresses.filter((ip) => ip.includes(':') === (family === 6));
  return [
    [ownMac, drop],
    [match(payload('arp', 'saddr ether'), mac, '!='), drop],
    // 0.0.0.0 asks whether an address is in use (RFC 5227) and claims none.
    [match(payload('arp', 'saddr ip'), anyOf([...of(4), '0.0.0.0']), '!='), drop],
    ...(of(4).length === 0
      ? [[match(meta('protocol'), 'ip'), drop]]
      : [[match(payload('ip', 'saddr'), anyOf(of(4)), '!='), drop]]),
    // Routers live on the host: an advertisement or redirect from a container is an attack (CVE-2020-10749).
    [match(payload('icmpv6', 'type'), anyOf(['nd-router-advert', 'nd-redirect'])), drop],
    [match(payload('ip6', 'saddr'), anyOf([...of(6), '::', prefix('fe80::', 10)]), '!='), drop],
  ];
}

const portRules = (port: GuardedPort): readonly NftCommand[] =>
  guardRules(port.containerMac, port.addresses).map((expr) =>
    add(rule(GUARD, portChain(port.tag, port.hostVeth), expr)),
  );
const portElement = ({ tag, hostVeth }: GuardedPort): NftJson => [hostVeth, jump(portChain(tag, hostVeth))];

/** Guards one more port where the table stands; fails with `not-found` or `exists` where `guardPortFully` is needed. */
export const guardPort = (port: GuardedPort): readonly NftCommand[] => [
  create(chain(GUARD, portChain(port.tag, port.hostVeth))),
  ...portRules(port),
  add(elements(GUARD, PORTS, [portElement(port)])),
];

/** The same, whatever was there before. */
export const guardPortFully = (port: GuardedPort): readonly NftCommand[] => [
  add(table(GUARD)),
  add(chain(GUARD, portChain(port.tag, port.hostVeth))),
  add(chain(GUARD, BASE, { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' })),
  add(map(GUARD, PORTS, 'ifname', 'verdict')),
  flush(chain(GUARD, portChain(port.tag, port.hostVeth))),
  flush(chain(GUARD, BASE)),
  ...portRules(port),
  add(rule(GUARD, BASE, [vmap(meta('iifname'), `@${PORTS}`)])),
  add(elements(GUARD, PORTS, [portElement(port)])),
];

/** Takes a guarded port out again; fails with `not-found` when something of it is missing. */
export const unguardPort = (tag: string, hostVeth: string): readonly NftCommand[] => [
  remove(elements(GUARD, PORTS, [hostVeth])),
  flush(chain(GUARD, portChain(tag, hostVeth))),
  remove(chain(GUARD, portChain(tag, hostVeth))),
];
