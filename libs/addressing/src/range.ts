import type { Cidr } from './cidr.ts';
import { AddressError } from './error.ts';
import type { Family, Ip } from './ip.ts';

/** The addresses from `first` to `last`, both included. */
export class Range {
  constructor(
    readonly first: Ip,
    readonly last: Ip,
  ) {
    if (first.family !== last.family)
      throw new AddressError(`${first} and ${last} are of two families`, `${first}-${last}`);
    if (first.value > last.value) throw new AddressError(`${first} is above ${last}`, `${first}-${last}`);
  }

  static ofCidr(cidr: Cidr): Range {
    return new Range(cidr.network, cidr.last);
  }

  static ofIp(ip: Ip): Range {
    return new Range(ip, ip);
  }

  get family(): Family {
    return this.first.family;
  }

  get size(): bigint {
    return this.last.value - this.first.value + 1n;
  }

  contains(ip: Ip): boolean {
    return ip.family === this.family && ip.value >= this.first.value && ip.value <= this.last.value;
  }

  overlaps(other: Range): boolean {
    return this.family === other.family && this.first.value <= other.last.value && other.first.value <= this.last.value;
  }

  /** `10.1.0.1-10.1.0.254`, as the reference writes ranges in its messages. */
  toString(): string {
    return `${this.first}-${this.last}`;
  }
}
