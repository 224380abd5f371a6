/** Which subnets the host's routes show to be in use, so that a container network must not have them. */
import { type Cidr, parseCidr } from '@flatnet/addressing';
import type { Kernel } from './kernel.ts';
import type { Route } from './rtnetlink/rtnetlink.ts';

export interface UsedSubnet {
  readonly subnet: Cidr;
  readonly device: string;
}

/**
 * No network is larger: 10.0.0.0/8, and fc00::/7. A route that covers more is a default route, or a piece of one: VPNs take the default
 * route over by 0.0.0.0/1 and 128.0.0.0/1, and IPv6's is 2000::/3 at times. A container's subnet is more specific than they are.
 */
const LARGEST_NETWORK = { 4: 8, 6: 7 } as const;
/** Types of routes that lead somewhere; the others (unreachable, blackhole, prohibit, throw, multicast) show no network. */
const LEADING = new Set(['unicast', 'nat', 'local', 'anycast']);

/**
 * The subnet that a route shows to be in use; undefined for default routes, for those that lead nowhere, and for link-local addresses,
 * which are on every link.
 */
export function usedSubnetOf({ destination, type, device }: Route): UsedSubnet | undefined {
  if (!LEADING.has(type)) return undefined;
  const subnet = parseCidr(destination);
  if (subnet.prefix < LARGEST_NETWORK[subnet.ip.family] || LINK_LOCAL.some((link) => link.overlaps(subnet)))
    return undefined;
  return { subnet, device: device ?? 'another device' };
}

const LINK_LOCAL = [parseCidr('fe80::/10'), parseCidr('169.254.0.0/16')];

/**
 * The first route of the main table that shows a part of `subnet` to be in use, but for those by `own` and by the loopback device.
 *
 * @throws RtnetlinkError.
 */
export function findOverlap(
  { rtnetlink }: Pick<Kernel, 'rtnetlink'>,
  subnet: Cidr,
  own: string,
): UsedSubnet | undefined {
  const overlapping = `${subnet.network}/${subnet.prefix}`;
  return rtnetlink
    .listRoutes({ family: subnet.ip.family, overlapping })
    .flatMap((route) => usedSubnetOf(route) ?? [])
    .find(({ device }) => device !== own && device !== 'lo');
}
