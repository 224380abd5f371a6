import { parseCidr } from '@flatnet/addressing';

/** The last address of an IPv4 subnet; undefined for IPv6, and where a subnet has no room for one (/31, /32). */
export function broadcastOf(address: string): string | undefined {
  if (address.includes(':')) return undefined;
  const cidr = parseCidr(address);
  return cidr.prefix >= 31 ? undefined : String(cidr.last);
}
