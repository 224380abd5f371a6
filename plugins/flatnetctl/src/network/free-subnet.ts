import type { Cidr } from '@flatnet/addressing';
import { findFreeSubnet4, SUBNET_POOLS } from '@flatnet/addressing/free-subnet';
import { problem } from '../failure.ts';

/** As `findFreeSubnet4`. @throws OperatorError when the pools are full. */
export function freeSubnet4(taken: readonly Cidr[], skip = 0): Cidr {
  const free = findFreeSubnet4(taken, skip);
  if (free !== undefined) return free;
  throw problem(`no free /24 is left in ${SUBNET_POOLS.join(', ')}`, 'give one with --subnet');
}
