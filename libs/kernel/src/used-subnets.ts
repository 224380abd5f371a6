/** Which subnets the host's routes show to be in use, so that a container network must not have them. */
import { Cidr, parseCidr, parseIp } from '@flatnet/addressing';
import { queryIp } from './ip.ts';
import type { Kernel } from './kernel.ts';

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
 *
 * @param route one entry of `ip -j route show`.
 */
export function usedSubnetOf(route: Readonly<Record<string, unknown>>): UsedSubnet | undefined {
  const { dst, type = 'unicast' } = route;
  const subnet = typeof dst === 'string' ? destination(dst) : undefined;
  if (subnet === undefined || !LEADING.has(String(type))) return undefined;
  if (subnet.prefix < LARGEST_NETWORK[subnet.ip.family] || LINK_LOCAL.some((link) => link.overlaps(subnet)))
    return undefined;
  return { subnet, device: deviceOf(route) };
}

const LINK_LOCAL = [parseCidr('fe80::/10'), parseCidr('169.254.0.0/16')];

/** A route by several next hops has its devices there. */
function deviceOf({ dev, nexthops }: Readonly<Record<string, unknown>>): string {
  if (typeof dev === 'string') return dev;
  const [first] = Array.isArray(nexthops) ? (nexthops as readonly Record<string, unknown>[]) : [];
  return typeof first?.['dev'] === 'string' ? first['dev'] : 'another device';
}

/** `ip` prints a host route without its length. */
function destination(text: string): Cidr | undefined {
  try {
    return text.includes('/') ? parseCidr(text) : new Cidr(parseIp(text), text.includes(':') ? 128 : 32);
  } catch {
    return undefined;
  }
}

/**
 * The first route of the main table that shows a part of `subnet` to be in use, but for those by `own` and by the loopback device. `ip`
 * prints only what overlaps: a router's whole table may have a million routes.
 *
 * @throws IpError.
 */
export async function findOverlap(kernel: Kernel, subnet: Cidr, own: string): Promise<UsedSubnet | undefined> {
  const text = `${subnet.network}/${subnet.prefix}`;
  for (const selector of ['root', 'match']) {
    const args = [`-${subnet.ip.family}`, 'route', 'show', 'table', 'main', selector, text];
    const routes = await queryIp(kernel, `list the routes that overlap ${text}`, args);
    const used = routes.flatMap((route) => usedSubnetOf(route) ?? []);
    const found = used.find(({ device, subnet: other }) => device !== own && device !== 'lo' && other.overlaps(subnet));
    if (found !== undefined) return found;
  }
  return undefined;
}
