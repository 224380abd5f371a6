import { parseCidr, parseIp, Cidr } from '@flatnet/addressing';
import { blocksOf } from '@flatnet/addressing/blocks';
import { problem } from '../failure.ts';

/** Where IPv4 subnets are taken from, /24 by /24: private blocks that Podman (10.88/16, 10.89/16 …) and Docker leave alone. */
const POOLS = ['10.87.0.0/16', '10.91.0.0/16', '10.92.0.0/16'].map(parseCidr);
const BLOCK = 24;

/**
 * The first /24 of the pools that overlaps with nothing `taken`. `skip` free ones are passed over: two callers that met choose
 * apart.
 *
 * @throws OperatorError when the pools are full.
 */
export function freeSubnet4(taken: readonly Cidr[], skip = 0): Cidr {
  let left = skip;
  for (const pool of POOLS) {
    for (const candidate of blocksOf(pool, BLOCK)) {
      if (taken.some((other) => other.overlaps(candidate))) continue;
      if (left-- <= 0) return candidate;
    }
  }
  throw problem(`no free /24 is left in ${POOLS.join(', ')}`, 'give one with --subnet');
}

/** A /64 of the locally assigned range fd00::/8 (RFC 4193): 40 random bits make a clash improbable, `taken` rules it out. */
export function freeSubnet6(taken: readonly Cidr[], random: () => Uint8Array): Cidr {
  for (;;) {
    const hex = Buffer.from(random().subarray(0, 5)).toString('hex');
    const candidate = new Cidr(parseIp(`fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}::`), 64);
    if (!taken.some((other) => other.overlaps(candidate))) return candidate;
  }
}
