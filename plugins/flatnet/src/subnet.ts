import type { Cidr } from '@flatnet/addressing';

/** The subnet of an address, in CIDR notation with the host bits zero. */
export const subnetOf = (cidr: Cidr): string => `${cidr.network}/${cidr.prefix}`;
