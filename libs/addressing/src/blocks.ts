// Only for the operator's commands: the start of these modules costs a plugin a millisecond.
import { IPv4, IPv6 } from 'ip-num/dist/src/IPNumber.js';
import { IPv4CidrRange, IPv6CidrRange } from 'ip-num/dist/src/IPRange.js';
import { IPv4Prefix, IPv6Prefix } from 'ip-num/dist/src/Prefix.js';
import { Cidr } from './cidr.ts';
import { Ip } from './ip.ts';

/** The blocks with this prefix length that a subnet consists of, from the lowest on. Throws for a length shorter than the subnet's. */
export const blocksOf = (subnet: Cidr, prefix: number): readonly Cidr[] => {
  const { value, family } = subnet.network;
  const blocks =
    family === 4
      ? new IPv4CidrRange(IPv4.fromNumber(value), IPv4Prefix.fromNumber(BigInt(subnet.prefix))).splitInto(
          IPv4Prefix.fromNumber(BigInt(prefix)),
        )
      : new IPv6CidrRange(IPv6.fromBigInt(value), IPv6Prefix.fromNumber(BigInt(subnet.prefix))).splitInto(
          IPv6Prefix.fromNumber(BigInt(prefix)),
        );
  return blocks.map((block) => new Cidr(new Ip(family, block.getFirst().getValue()), prefix));
};
