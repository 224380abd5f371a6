import { blocksOf } from './blocks.ts';
import { Cidr, parseCidr } from './cidr.ts';
import { parseIp } from './ip.ts';

/** Where IPv4 subnets are taken from, /24 by /24: private blocks that Podman (10.88/16, 10.89/16 …) and Docker leave alone. */
export const SUBNET_POOLS: readonly Cidr[] = ['10.87.0.0/16', '10.91.0.0/16', '10.92.0.0/16'].map(parseCidr);
const BLOCK = 24;

/**
 * The first /24 of the pools that overlaps with nothing `taken`. `skip` free ones are passed over: two callers that met choose
 * apart.
 *
 * @returns undefined when the pools are full.
 */
export function findFreeSubnet4(taken: readonly Cidr[], skip = 0): Cidr | undefined {
  let left = skip;
  for (const pool of SUBNET_POOLS) {
    for (const candidate of blocksOf(pool, BLOCK)) {
      if (taken.some((other) => other.overlaps(candidate))) continue;
      if (left-- <= 0) return candidate;
    }
  }
  return undefined;
}

/** A /64 of the locally assigned range fd00::/8 (RFC 4193): 40 random bits make a clash improbable, `taken` rules it out. */
export function freeSubnet6(taken: readonly Cidr[], random: () => Uint8Array): Cidr {
  for (;;) {
    const hex = Buffer.from(random().subarray(0, 5)).toString('hex');
    const candidate = new Cidr(parseIp(`fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}::`), 64);
    if (!taken.some((other) => other.overlaps(candidate))) return candidate;
  }
}
