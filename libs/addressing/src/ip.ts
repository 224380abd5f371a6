import { AddressError, quote } from './error.ts';

export type Family = 4 | 6;

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** The highest address of a family, as a number. */
export const lastValue = (family: Family): bigint => (1n << BigInt(bitsOf(family))) - 1n;

// "010" is 8 to the C library and 10 to others, so a leading zero is no spelling of a number here.
const OCTET = '(?:0|[1-9][0-9]{0,2})';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const GROUP = /^[0-9A-Fa-f]{1,4}$/;
const MAPPED_PREFIX = 0xffffn;

/** One address. Equal addresses have one spelling: `toString` prints from the number, never from what was given. */
export class Ip {
  constructor(
    readonly family: Family,
    readonly value: bigint,
  ) {
    if (value < 0n || value > lastValue(family)) {
      throw new AddressError(`${value} is not the number of an IPv${family} address`, value.toString());
    }
  }

  /** Dotted decimal, or the form of RFC 5952 (mixed notation for IPv4-mapped addresses, section 5, which `parseIp` never gives). */
  toString(): string {
    return this.family === 4 ? dotted(this.value) : renderIpv6(this.value);
  }

  /** Fixed width: 8 hexadecimal digits for IPv4, 32 for IPv6. */
  toHex(): string {
    return this.value.toString(16).padStart(bitsOf(this.family) / 4, '0');
  }

  equals(other: Ip): boolean {
    return this.family === other.family && this.value === other.value;
  }

  /** The address `distance` further on. Throws AddressError beyond either end of the family. */
  plus(distance: bigint): Ip {
    return new Ip(this.family, this.value + distance);
  }
}

/**
 * Parses one address strictly: four decimal octets without leading zeros, or IPv6 text (RFC 4291 section 2.2) without a zone.
 * An IPv4-mapped address (`::ffff:10.0.0.1`) is the IPv4 address, as the reference plugins read it: no packet has the mapped one.
 * Throws AddressError with the offending text.
 */
export const parseIp = (text: string): Ip => {
  if (IPV4.test(text)) return new Ip(4, ipv4Value(text, text));
  if (text.includes('%')) throw new AddressError(`${quote(text)} has a zone, which has no meaning here`, text);
  if (!text.includes(':')) throw new AddressError(`${quote(text)} is not an IP address`, text);
  const value = ipv6Value(text);
  return isMapped(value) ? new Ip(4, value & lastValue(4)) : new Ip(6, value);
};

const isMapped = (value: bigint): boolean => value >> 32n === MAPPED_PREFIX;

/** The inverse of `toHex` under its family. Throws AddressError for another width or other characters. */
export const ipFromHex = (family: Family, hex: string): Ip => {
  if (hex.length !== bitsOf(family) / 4 || !/^[0-9a-f]+$/.test(hex)) {
    throw new AddressError(`${quote(hex)} is not a fixed-width IPv${family} number`, hex);
  }
  return new Ip(family, BigInt(`0x${hex}`));
};

const ipv4Value = (text: string, given: string): bigint => {
  let value = 0;
  for (const octet of text.split('.')) {
    if (Number(octet) > 255)
      throw new AddressError(`${quote(given)} is not an IP address: an octet is above 255`, given);
    value = value * 256 + Number(octet);
  }
  return BigInt(value);
};

const GROUPS = 8;

const ipv6Value = (given: string): bigint => {
  const wrong = (): never => {
    throw new AddressError(`${quote(given)} is not an IP address`, given);
  };
  const halves = withoutDottedTail(given).split('::');
  if (halves.length > 2) wrong();
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = GROUPS - head.length - tail.length;
  // "::" stands for one group at least (RFC 4291 would let it stand for none; the C library does not).
  if (halves.length === 2 ? missing < 1 : missing !== 0) wrong();
  const digits = [...head, ...Array.from({ length: missing }, () => '0'), ...tail].map((group) => {
    if (!GROUP.test(group)) wrong();
    return group.padStart(4, '0');
  });
  return BigInt(`0x${digits.join('')}`);
};

/** Rewrites `::ffff:10.0.0.1` as two hexadecimal groups, so that its octets obey the strict rule too. */
const withoutDottedTail = (text: string): string => {
  if (!text.includes('.')) return text;
  const cut = text.lastIndexOf(':') + 1;
  const tail = text.slice(cut);
  if (!IPV4.test(tail)) throw new AddressError(`${quote(text)} is not an IP address`, text);
  const value = ipv4Value(tail, text);
  return `${text.slice(0, cut)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
};

const dotted = (value: bigint): string => {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
};

/** RFC 5952: no leading zeros, and `::` for the first of the longest runs of two or more zero groups. */
const renderIpv6 = (value: bigint): string => {
  if (isMapped(value)) return `::ffff:${dotted(value & 0xffffffffn)}`;
  const digits = value.toString(16).padStart(4 * GROUPS, '0');
  const groups = Array.from({ length: GROUPS }, (_, at) => digits.slice(4 * at, 4 * at + 4).replace(/^0{1,3}/, ''));
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
};

const longestZeroRun = (groups: readonly string[]): { readonly start: number; readonly length: number } => {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
};
