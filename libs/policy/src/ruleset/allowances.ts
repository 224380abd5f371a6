/** Allowances -> the rules of a chain. Pure. */
import { match, meta, payload, type NftJson } from '@flatnet/kernel';
import type { Allowance, Direction, Peer, PortRange } from '../language/index.ts';
import { familyOf } from '../model.ts';
import { linksOf, networkHash, peerSets, peersOf } from './names.ts';
import type { Chain, NamedSet } from './table-state.ts';
import {
  counter,
  destinationIs,
  drop,
  FAMILIES,
  from,
  goes,
  hashOf,
  ip,
  isIn,
  isNotIn,
  pair,
  returns,
  subnet,
  to,
} from './words.ts';

type Matches = readonly NftJson[];
const DNS_PORT = 53;

/** The chain of one closed direction. Containers for which the same holds share it. */
export function chainOf(hash: string, direction: Direction, allowances: readonly Allowance[]): Chain {
  const rules = allowances.flatMap(({ peers, ports }) =>
    (peers ?? [undefined]).flatMap((peer) => ways(hash, direction, peer, ports)),
  );
  // Closed towards others is told at once; a scan from outside learns nothing.
  const last = [counter, direction === 'egress' ? goes('deny') : drop];
  const all = [...rules.map((matches) => [...matches, returns]), last];
  return { name: `${direction === 'egress' ? 'e' : 'i'}_${hash}_${hashOf(all)}`, rules: all.map((expr) => ({ expr })) };
}

/** Each list of matches is one way in which a packet is of the peer, at one of the ports. */
function ways(
  hash: string,
  direction: Direction,
  peer: Peer | undefined,
  ports: readonly PortRange[] | undefined,
): readonly Matches[] {
  if (peer !== undefined && 'entity' in peer && peer.entity === 'dns') return dnsWays(ports);
  const peers = peer === undefined ? [[]] : peerMatches(hash, direction, peer);
  return peers.flatMap((each) => (ports?.map(portMatches) ?? [[]]).map((port) => [...each, ...port]));
}

/** Port 53 of the host, unless a list of ports leaves it out. */
const dnsWays = (ports: readonly PortRange[] | undefined): readonly Matches[] =>
  (['udp', 'tcp'] as const)
    .filter((protocol) => ports?.some((range) => hasPort(range, protocol, DNS_PORT)) ?? true)
    .map((protocol) => [destinationIs('local'), match(payload(protocol, 'dport'), DNS_PORT)]);

const hasPort = ({ protocol, first, last }: PortRange, wanted: string, port: number): boolean =>
  protocol === wanted && (first === undefined || (first <= port && port <= (last ?? first)));

/** The sets that those rules look into. */
export function setsOf(hash: string, allowances: readonly Allowance[]): readonly NamedSet[] {
  const peers = allowances.flatMap((allowance): readonly Peer[] => allowance.peers ?? []);
  return peers.flatMap((peer): readonly NamedSet[] => {
    if ('container' in peer) return peerSets(hash, peer.container);
    return 'network' in peer ? [linksOf(networkHash(peer.network))] : [];
  });
}

function peerMatches(hash: string, direction: Direction, peer: Peer): readonly Matches[] {
  const [link, field] = direction === 'egress' ? ([to, 'daddr'] as const) : ([from, 'saddr'] as const);
  if ('container' in peer) {
    return FAMILIES.map((family) => [isIn(pair(link, ip(family, field)), peersOf(hash, peer.container, family).name)]);
  }
  if ('network' in peer) return [[isIn(link, linksOf(networkHash(peer.network)).name)]];
  if ('cidr' in peer) {
    const address = ip(familyOf(peer.cidr), field);
    const excepted = peer.except.map((cidr) => match(address, subnet(cidr), '!='));
    return [peer.cidr.endsWith('/0') && excepted.length > 0 ? excepted : [inside(address, peer.cidr), ...excepted]];
  }
  if (peer.entity === 'internet') {
    return FAMILIES.map((family) => [
      isNotIn(ip(family, field), `private${family}`),
      ...(direction === 'egress' ? [destinationIs('unicast')] : []),
    ]);
  }
  // The host is not judged: it can do all that root can.
  if (direction === 'ingress') return [];
  return [[destinationIs('local')]];
}

/** `0.0.0.0/0` is every packet of its family. */
const inside = (address: NftJson, cidr: string): NftJson =>
  cidr.endsWith('/0') ? match(meta('nfproto'), familyOf(cidr) === 4 ? 'ipv4' : 'ipv6') : match(address, subnet(cidr));

function portMatches({ protocol, first, last }: PortRange): Matches {
  if (first === undefined) return [match(meta('l4proto'), protocol)];
  return [match(payload(protocol, 'dport'), last === first ? first : { range: [first, last ?? first] })];
}
