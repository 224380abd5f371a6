/**
 * The two tables. Every lookup is one step in a hash, whatever the number of networks and containers:
 *
 *   table inet flatnet {
 *     chain in_use { }                                            see below
 *     map source4 { container address : jump att_… }              masqueraded containers                   (source6 likewise)
 *     map source_by_device4 { device . address : jump att_… }     the same, where two networks have one address
 *     map outbound4 { container address : jump out_… }            the same, for flatnet-portmap's ipMasq
 *     map clamped4 { container address : jump clamp_… }           whose segments are clamped
 *     map have_clamp { host end : jump att_… }                    host ends with a chain clamp_…; no hook looks at it (have_port likewise)
 *     chain postrouting  nat, srcnat
 *     chain forward      filter, mangle
 *   }
 *   table bridge flatnet {
 *     chain in_use { }
 *     map ports { host end : jump port_… }                        host ends that send only from their own MAC and addresses
 *     chain prerouting   filter, raw
 *   }
 *
 * Chains `att_`, `out_`, `clamp_`, `port_` are named by network and attachment, so every element tells its owner by where it jumps to.
 *
 * Invariant: nothing is counted here, the kernel counts references. It refuses to delete `att_…` while an element jumps to it, so a DEL
 * that could delete it has left nothing; and it refuses to delete `in_use`, hence the table, while an attachment has a chain, because
 * each of these jumps there.
 */
import type { BaseHook, NftTable } from '@flatnet/kernel';
import { lookupAddress, lookupDeviceAndAddress, lookupPort, type Rule } from './expressions.ts';
import type { Maker, RuleOwner } from './model.ts';

export const INET = { family: 'inet', table: 'flatnet' } as const;
export const BRIDGE = { family: 'bridge', table: 'flatnet' } as const;

export const IN_USE = 'in_use';
export const PORTS = 'ports';

type Family = 4 | 6;
const FAMILIES = [6, 4] as const;
const addressType = (family: Family): string => (family === 4 ? 'ipv4_addr' : 'ipv6_addr');

export const sourceMap = (maker: Maker, family: Family): string =>
  `${maker === 'flatnet' ? 'source' : 'outbound'}${family}`;
export const deviceMap = (family: Family): string => `source_by_device${family}`;
export const clampedMap = (family: Family): string => `clamped${family}`;

export type ChainKind = 'main' | 'clamp' | 'port';

/** The map whose element makes `att_…` referred to as long as the attachment has a chain of this kind. */
export const anchorMap = (kind: Exclude<ChainKind, 'main'>): string => `have_${kind}`;
const kindWord = (kind: ChainKind, maker: Maker): string =>
  kind !== 'main' ? kind : maker === 'flatnet' ? 'att' : 'out';

export const chainOf = ({ maker, networkHash, attachment }: RuleOwner, kind: ChainKind): string =>
  `${kindWord(kind, maker)}_${networkHash}_${attachment}`;

/** The owner of a chain by its name; undefined for every other chain. */
export function ownerOfChain(name: string): RuleOwner | undefined {
  const [, kind, networkHash = '', attachment = ''] =
    /^(att|out|clamp|port)_([0-9a-f]{12})_([0-9a-f]{12})$/.exec(name) ?? [];
  if (kind === undefined) return undefined;
  return { maker: kind === 'out' ? 'flatnet-portmap' : 'flatnet', networkHash, attachment };
}

export interface BaseChain {
  readonly name: string;
  readonly hook: BaseHook;
  readonly rules: readonly Rule[];
}

/** What of a table is there for every attachment. */
export interface Base {
  readonly at: NftTable;
  readonly chains: readonly BaseChain[];
  /** Name -> type of the key; all values are verdicts. */
  readonly maps: Readonly<Record<string, string | readonly string[]>>;
}

const byFamily = <T>(of: (family: Family) => T): readonly T[] => FAMILIES.map(of);

export const INET_BASE: Base = {
  at: INET,
  maps: {
    [anchorMap('clamp')]: 'ifname',
    [anchorMap('port')]: 'ifname',
    ...Object.fromEntries(
      byFamily((family) => [
        [sourceMap('flatnet', family), addressType(family)] as const,
        [deviceMap(family), ['ifname', addressType(family)]] as const,
        [sourceMap('flatnet-portmap', family), addressType(family)] as const,
        [clampedMap(family), addressType(family)] as const,
      ]).flat(),
    ),
  },
  chains: [
    {
      name: 'postrouting',
      hook: { type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' },
      rules: byFamily((family) => [
        // First what says more: the source address of flatnet-portmap, then the device.
        lookupAddress(family, 'saddr', sourceMap('flatnet-portmap', family)),
        lookupDeviceAndAddress(family, deviceMap(family)),
        lookupAddress(family, 'saddr', sourceMap('flatnet', family)),
      ]).flat(),
    },
    {
      name: 'forward',
      hook: { type: 'filter', hook: 'forward', prio: -150, policy: 'accept' },
      // Both directions, since either end may be the one behind the small link.
      rules: byFamily((family) => [
        lookupAddress(family, 'saddr', clampedMap(family)),
        lookupAddress(family, 'daddr', clampedMap(family)),
      ]).flat(),
    },
  ],
};

export const BRIDGE_BASE: Base = {
  at: BRIDGE,
  maps: { [PORTS]: 'ifname' },
  chains: [
    {
      name: 'prerouting',
      hook: { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' },
      rules: [lookupPort(PORTS)],
    },
  ],
};

/** The chain that ADD looks at when it adds to a table that exists already. */
export const firstChain = ({ chains }: Base): BaseChain => chains[0] as BaseChain;
