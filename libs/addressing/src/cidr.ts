import { AddressError, quote } from './error.ts';
import { bitsOf, Ip, parseIp } from './ip.ts';

const PREFIX = /^(?:0|[1-9][0-9]{0,2})$/;

/** An address with a prefix length. Host bits may be set: `10.1.0.5/24` is an interface's address in `10.1.0.0/24`. */
export class Cidr {
  readonly #hostMask: bigint;

  constructor(
    readonly ip: Ip,
    readonly prefix: number,
  ) {
    const bits = bitsOf(ip.family);
    if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) {
      throw new AddressError(`/${prefix} is not a prefix length of IPv${ip.family}`, String(prefix));
    }
    this.#hostMask = (1n << BigInt(bits - prefix)) - 1n;
  }

  /** The lowest address: all host bits clear. */
  get network(): Ip {
    return new Ip(this.ip.family, this.ip.value & ~this.#hostMask);
  }

  /** The highest address: all host bits set. In IPv4 this is the broadcast address, if the network has one. */
  get last(): Ip {
    return new Ip(this.ip.family, this.ip.value | this.#hostMask);
  }

  get hasHostBits(): boolean {
    return (this.ip.value & this.#hostMask) !== 0n;
  }

  /**
   * The lowest address that a host may have. Point-to-point links (/31 and /127: RFC 3021, RFC 6164) and single addresses have
   * no network address to leave out; elsewhere the first address is the network itself (IPv6: the routers' anycast address).
   */
  get firstUsable(): Ip {
    return this.#hostMask <= 1n ? this.network : this.network.plus(1n);
  }

  /** The highest address that a host may have: IPv4 leaves out the broadcast address, IPv6 has none. */
  get lastUsable(): Ip {
    return this.#hostMask <= 1n || this.ip.family === 6 ? this.last : this.last.plus(-1n);
  }

  contains(ip: Ip): boolean {
    return ip.family === this.ip.family && (ip.value & ~this.#hostMask) === this.network.value;
  }

  overlaps(other: Cidr): boolean {
    return this.contains(other.network) || other.contains(this.network);
  }

  toString(): string {
    return `${this.ip}/${this.prefix}`;
  }
}

/** The prefix length that all IPv4-mapped addresses share. */
const MAPPED_BITS = 96;

/**
 * Parses `address/length`. An IPv4-mapped address is the IPv4 address, its length counts from /96. Throws AddressError with the
 * offending text; host bits are kept, see `hasHostBits`.
 */
export const parseCidr = (text: string): Cidr => {
  const slash = text.indexOf('/');
  const length = text.slice(slash + 1);
  if (slash < 0 || !PREFIX.test(length)) {
    throw new AddressError(`${quote(text)} is not an address with a prefix length (like 10.1.0.0/24)`, text);
  }
  const ip = parseIp(text.slice(0, slash));
  const mapped = ip.family === 4 && text.includes(':');
  const prefix = Number(length) - (mapped ? MAPPED_BITS : 0);
  if (prefix < 0) {
    throw new AddressError(`${quote(text)} is larger than all of IPv4, which it maps: write it as IPv4`, text);
  }
  if (prefix > bitsOf(ip.family)) throw new AddressError(`${quote(text)} has too long a prefix`, text);
  return new Cidr(ip, prefix);
};

/** Parses an address that stands for itself alone where no length is given: `10.0.0.1` is `10.0.0.1/32`. */
export const parseHostOrCidr = (text: string): Cidr => {
  if (text.includes('/')) return parseCidr(text);
  const ip = parseIp(text);
  return new Cidr(ip, bitsOf(ip.family));
};

/** Accepts what people write for "this address": plain, or with a prefix length. The length is undefined when not given. */
export const parseIpOrCidr = (text: string): { readonly ip: Ip; readonly prefix?: number } => {
  if (!text.includes('/')) return { ip: parseIp(text) };
  const { ip, prefix } = parseCidr(text);
  return { ip, prefix };
};
