import { parseIp, Range, type Cidr, type Ip } from '@flatnet/addressing';
import type { Network } from '../conflist/model.ts';
import { gatewayOf, readable, subnetsOf, type ConfiguredSubnet } from '../conflist/subnets.ts';
import { isLeasedHere } from '../ipam/leased-here.ts';
import { holdingsOf } from '../ipam/leases.ts';

/** How much of a subnet is given out. Above 2^53 the numbers are rounded. */
export interface Use {
  readonly subnet: string;
  /** Addresses that containers can get. */
  readonly total: number;
  readonly in_use: number;
  readonly free: number;
}

/** Use per subnet of a network, by the leases of flatnet-ipam; empty for networks of another IPAM, whose leases cannot be read here. */
export function useOf(network: Network, cniPath: readonly string[]): readonly Use[] {
  if (!isLeasedHere(network, cniPath)) return [];
  const leased = holdingsOf(network, cniPath).map(({ ip }) => ip);
  return subnetsOf(network).map((configured) => useIn(configured, leased));
}

function useIn(configured: ConfiguredSubnet, leased: readonly Ip[]): Use {
  const { subnet } = configured;
  const pool = poolOf(configured, subnet);
  const gateway = readable(() => parseIp(gatewayOf(configured)));
  const isGatewayInside = gateway !== undefined && isIn(pool, gateway);
  const total = pool.last.value - pool.first.value + 1n - (isGatewayInside ? 1n : 0n);
  // A requested or reserved address may lie outside of the range.
  const used = BigInt(leased.filter((ip) => isIn(pool, ip)).length);
  const inSubnet = leased.filter((ip) => subnet.contains(ip)).length;
  return { subnet: String(subnet), total: Number(total), in_use: inSubnet, free: Number(total - used) };
}

/** `rangeStart` to `rangeEnd`, without network and broadcast address. */
function poolOf({ rangeStart = '', rangeEnd = '' }: ConfiguredSubnet, subnet: Cidr): Range {
  const first = readable(() => parseIp(rangeStart)) ?? subnet.firstUsable;
  const last = readable(() => parseIp(rangeEnd)) ?? subnet.lastUsable;
  const clipped = last.value > subnet.lastUsable.value ? subnet.lastUsable : last;
  return first.value > clipped.value ? new Range(clipped, clipped) : new Range(first, clipped);
}

const isIn = ({ first, last }: Range, ip: Ip): boolean =>
  ip.family === first.family && ip.value >= first.value && ip.value <= last.value;
