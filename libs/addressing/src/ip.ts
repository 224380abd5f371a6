// Only these three modules of ip-num: its index pulls in number classes, ranges and pools, which cost a start of the
// executable 2 to 4 ms; these cost 0.4 ms (hyperfine, Bun image).
import { dottedDecimalNotationToBinaryString, parseBinaryStringToBigInt } from 'ip-num/dist/src/BinaryUtils.js';
import { collapseIPv6Number, expandIPv6Number } from 'ip-num/dist/src/IPv6Utils.js';
import { AddressError, quote } from './error.ts';

export type Family = 4 | 6;

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** The highest address of a family, as a number. */
export const lastValue = (family: Family): bigint => (1n << BigInt(bitsOf(family))) - 1n;

// "010" is 8 to the C library and 10 to others, so a leading zero is no spelling of a number here.
const OCTET = '(?:0|[1-9][0-9]{0,2})';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const IPV6_CHARACTERS = /^[0-9A-Fa-f:]{2,39}$/;
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
  const octets = text.split('.');
  if (octets.some((octet) => Number(octet) > 255)) {
    throw new AddressError(`${quote(given)} is not an IP address: an octet is above 255`, given);
  }
  return parseBinaryStringToBigInt(dottedDecimalNotationToBinaryString(text));
};

const ipv6Value = (given: string): bigint => {
  const text = withoutDottedTail(given);
  const groups = text.split(':').filter((group) => group !== '').length;
  const gaps = text.split('::').length - 1;
  // ip-num checks by one pattern; the counts are checked here because they are what its expansion silently pads.
  const wellFormed = IPV6_CHARACTERS.test(text) && !text.includes(':::') && gaps <= 1 && groups <= (gaps === 1 ? 7 : 8);
  if (!wellFormed || (gaps === 0 && groups !== 8))
    throw new AddressError(`${quote(given)} is not an IP address`, given);
  try {
    return BigInt(`0x${expandIPv6Number(text).replaceAll(':', '')}`);
  } catch {
    throw new AddressError(`${quote(given)} is not an IP address`, given);
  }
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

const dotted = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 0xffn).toString()).join('.');

const renderIpv6 = (value: bigint): string => {
  if (isMapped(value)) return `::ffff:${dotted(value & 0xffffffffn)}`;
  const hex = value.toString(16).padStart(32, '0');
  return collapseIPv6Number(hex.replace(/.{4}(?=.)/g, '$&:'));
};
