export { Cidr, parseCidr, parseHostOrCidr, parseIpOrCidr } from './cidr.ts';
export { AddressError } from './error.ts';
export { bitsOf, Ip, ipFromHex, lastValue, parseIp, type Family } from './ip.ts';
export { Range } from './range.ts';
export { RangeSet } from './rangeSet.ts';
export { findOverlap, SortedRanges } from './sorted-ranges.ts';
