/** The content of every chain, in nft's expressions. Pure; the only file that knows them. */
import { jump, match, meta, payload, prefix, vmap, type NftJson } from '@flatnet/kernel';
import { familyOf, type AntiSpoofRules, type MasqueradeRules } from './model.ts';

export type Rule = readonly NftJson[];

const protocolOf = (family: 4 | 6): 'ip' | 'ip6' => (family === 4 ? 'ip' : 'ip6');
const nfprotoOf = (family: 4 | 6): string => (family === 4 ? 'ipv4' : 'ipv6');
const drop: NftJson = { drop: null };
const anyOf = (values: readonly NftJson[]): NftJson => ({ set: values });

const net = (cidr: string): NftJson => {
  const [address = '', length] = cidr.split('/');
  return prefix(address, Number(length));
};

/** `ip saddr vmap @source4` */
export const lookupAddress = (family: 4 | 6, side: 'saddr' | 'daddr', map: string): Rule => [
  vmap(payload(protocolOf(family), side), `@${map}`),
];

/** `iifname . ip saddr vmap @source_by_device4` */
export const lookupDeviceAndAddress = (family: 4 | 6, map: string): Rule => [
  vmap({ concat: [meta('iifname'), payload(protocolOf(family), 'saddr')] }, `@${map}`),
];

export const lookupPort = (map: string): Rule => [vmap(meta('iifname'), `@${map}`)];

const isSyn = match({ '&': [payload('tcp', 'flags'), { '|': ['syn', 'rst'] }] }, 'syn');
const clamp: NftJson = {
  mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value: { rt: { key: 'mtu' } } },
};

/** Where a tunnel is smaller than the container believes and "fragmentation needed" is filtered, connections would hang. */
export const clampRules: readonly Rule[] = [[isSyn, clamp]];

/** `jump in_use`: as long as this rule exists the kernel refuses to delete the chain that it names, and with it the table. */
export const refersTo = (chain: string): Rule => [jump(chain)];

/** What stays inside and multicast keep their source; the rest leaves with the host's address. */
export function masqueradeRules({ addresses, subnets, snat4, snat6 }: MasqueradeRules): readonly Rule[] {
  const families = ([4, 6] as const).filter((family) => addresses.some((address) => familyOf(address) === family));
  return families.flatMap((family): readonly Rule[] => {
    const destination = payload(protocolOf(family), 'daddr');
    const multicast = family === 4 ? '224.0.0.0/4' : 'ff00::/8';
    const kept = [...subnets.filter((subnet) => familyOf(subnet) === family), multicast];
    const source = family === 4 ? snat4 : snat6;
    const translate: NftJson =
      source === undefined ? { masquerade: null } : { snat: { family: protocolOf(family), addr: source } };
    return [
      ...kept.map((subnet): Rule => [match(destination, net(subnet)), { return: null }]),
      [match(meta('nfproto'), nfprotoOf(family)), translate],
    ];
  });
}

/** What a port may not send. */
export function antiSpoofRules({ mac, addresses }: AntiSpoofRules): readonly Rule[] {
  const ownMac = match(payload('ether', 'saddr'), mac, '!=');
  if (addresses === undefined) return [[ownMac, drop]];
  const of = (family: 4 | 6): string[] => addresses.filter((ip) => familyOf(ip) === family);
  return [
    [ownMac, drop],
    [match(payload('arp', 'saddr ether'), mac, '!='), drop],
    // 0.0.0.0 asks whether an address is in use (RFC 5227) and claims none.
    [match(payload('arp', 'saddr ip'), anyOf([...of(4), '0.0.0.0']), '!='), drop],
    ...(of(4).length === 0
      ? [[match(meta('protocol'), 'ip'), drop]]
      : [[match(payload('ip', 'saddr'), anyOf(of(4)), '!='), drop]]),
    // Routers are on the host: an advertisement or redirect from a container is an attack (CVE-2020-10749).
    [match(payload('icmpv6', 'type'), anyOf(['nd-router-advert', 'nd-redirect'])), drop],
    [match(payload('ip6', 'saddr'), anyOf([...of(6), '::', prefix('fe80::', 10)]), '!='), drop],
  ];
}
