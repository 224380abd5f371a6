import { parseCidr } from '@flatnet/addressing';
import { attachedAddresses } from '@flatnet/cni';
import { subnetOf } from './subnet.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * What a configuration tells of the addresses before the delegated plugin has answered, which may say something else: what is made for
 * the hints' sake is made late, or not at all, when the answer does not fit.
 */
export interface AddressHints {
  /** Whether an IPv6 address stands where addresses are asked for: ranges, static addresses, wishes of the runtime. */
  readonly ipv6: boolean;
  /** Subnets of the ranges and static addresses, with the host bits zero. */
  readonly subnets: readonly string[];
  /** Addresses of the result of ADD, which the runtime hands to DEL: without prefix length. */
  readonly attached: readonly string[];
}

export const hintsOf = (json: Json): AddressHints => ({
  ipv6: ['ipam', 'args', 'runtimeConfig'].some((key) => holdsIpv6(withoutRoutes(valueOf(json, key)))),
  subnets: [...new Set(namedSubnets(json))],
  attached: attachedAddresses(json),
});

// A MAC address has six groups. Not node:net: its start costs a millisecond.
const looksLikeIpv6 = (text: string): boolean =>
  /^[\da-f:./]+$/i.test(text) && (text.includes('::') || text.split(':').length === 8);

function holdsIpv6(value: unknown): boolean {
  if (typeof value === 'string') return looksLikeIpv6(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsIpv6);
}

/** A route says nothing of the interface's addresses. */
const withoutRoutes = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).filter(([key]) => key.toLowerCase() !== 'routes'))
    : value;

/** By the keys of host-local (`subnet`, `ranges`, the capability `ipRanges`) and of static (`addresses`). */
function namedSubnets(json: Json): readonly string[] {
  const ipam = valueOf(json, 'ipam');
  const ranges = [...listOf(valueOf(ipam, 'ranges')), ...listOf(valueOf(valueOf(json, 'runtimeConfig'), 'ipRanges'))];
  return [
    valueOf(ipam, 'subnet'),
    ...ranges.flatMap(listOf).map((range) => valueOf(range, 'subnet')),
    ...listOf(valueOf(ipam, 'addresses')).map((entry) => valueOf(entry, 'address')),
  ].flatMap(readSubnet);
}

function readSubnet(value: unknown): readonly string[] {
  try {
    return typeof value === 'string' ? [subnetOf(parseCidr(value))] : [];
  } catch {
    return [];
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Keys match as `configObject` reads them: in any case, and an exact spelling wins. */
function valueOf(value: unknown, wanted: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value);
  const exact = entries.find(([key, entry]) => key === wanted && entry !== null);
  return (exact ?? entries.find(([key, entry]) => key.toLowerCase() === wanted.toLowerCase() && entry !== null))?.[1];
}
