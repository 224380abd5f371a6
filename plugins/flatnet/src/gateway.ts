import { parseCidr, type Cidr } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import {
  addAddress,
  cidrOf,
  deleteAddress,
  ensureForwarding,
  findOverlap,
  ipv6Obstacle,
  setLink,
  type Change,
  type Kernel,
} from '@flatnet/kernel';
import { ignoreAdvertisements } from './bridge.ts';

export interface GatewayOptions {
  readonly device: string;
  readonly forceAddress: boolean;
  readonly allowOverlap: boolean;
}

/**
 * Gives the bridge the gateways' addresses, and lets the host forward. Both are shared, hence never undone; what is refused comes first.
 *
 * @returns the settings that cannot be written.
 * @throws CniError code 50 where IPv6 is off, 100 when the bridge has another address, or the subnet is in use; ToolError.
 */
export function ensureGateways(kernel: Kernel, gateways: readonly Cidr[], options: GatewayOptions): readonly string[] {
  if (gateways.length === 0) return [];
  refuseWithoutIpv6(kernel, options.device, gateways.map(String));
  const present = addressesOf(kernel, options.device);
  const missing = gateways.filter((gateway) => !isAmong(present, gateway));
  if (missing.length > 0) addMissing(kernel, gateways, { present, missing }, options);
  // A foreign bridge may listen, and one whose ADD was killed before the setting was made.
  const notes = ignoreAdvertisements(kernel, options.device);
  for (const family of new Set(gateways.map(({ ip }) => ip.family))) {
    ensureForwarding(kernel, family, options.device);
  }
  return notes;
}

/** With their prefix lengths. @throws RtnetlinkError: kind `not-found` where there is no such device. */
export const addressesOf = ({ rtnetlink }: Kernel, device: string): readonly Cidr[] =>
  rtnetlink.listAddresses(device).map((address) => parseCidr(cidrOf(address)));

/** Whether an address with its prefix length is there. */
export const isAmong = (present: readonly Cidr[], cidr: Cidr): boolean =>
  present.some((each) => String(each) === String(cidr));

/** @param texts addresses or subnets that the device is to carry. @throws CniError code 50 that names the setting and the next step. */
export function refuseWithoutIpv6(kernel: Kernel, device: string, texts: readonly string[]): void {
  const wanted = texts.find((text) => text.includes(':'));
  const obstacle = wanted === undefined ? undefined : ipv6Obstacle(kernel, device);
  if (obstacle === undefined) return;
  const message = `IPv6 is switched off on this host, and the network has ${wanted}`;
  throw new CniError(ErrorCode.notAvailable, message, `${obstacle.what}: ${obstacle.next}`);
}

interface Addresses {
  readonly present: readonly Cidr[];
  readonly missing: readonly Cidr[];
}

function addMissing(
  kernel: Kernel,
  gateways: readonly Cidr[],
  { present, missing }: Addresses,
  { device, forceAddress, allowOverlap }: GatewayOptions,
): void {
  const replaced = conflicting(present, gateways, missing);
  if (replaced.length > 0 && !forceAddress) {
    throw new CniError(
      ErrorCode.conflict,
      `"${device}" already has an IP address different from ${missing.join(', ')}`,
      `it has ${replaced.join(', ')}; use another bridge, remove that address, or set forceAddress`,
    );
  }
  if (!allowOverlap) refuseOverlap(kernel, missing, device);
  const doing = `give ${device} the address ${missing.join(', ')}`;
  kernel.rtnetlink.change(
    doing,
    replaced.map((cidr) => deleteAddress(device, String(cidr))),
  );
  // A bridge that was given no MAC takes the lowest of its ports', and another one with each container that comes or goes; then the
  // others' neighbour entries of their gateway are wrong for half a minute. Saying the present one makes it stay.
  const { mac } = kernel.rtnetlink.findLink(device) ?? {};
  const pin = mac === undefined ? [] : [setLink(device, { mac })];
  for (const gateway of missing) addOnce(kernel, doing, [...pin, addAddress(device, String(gateway))]);
}

/** Another ADD may be quicker: then it is there, which is all that is wanted. */
function addOnce(kernel: Kernel, doing: string, changes: readonly Change[]): void {
  try {
    kernel.rtnetlink.change(doing, changes);
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
}

/**
 * Addresses of the device that cannot stay next to the missing ones. As in the reference: IPv4 has one subnet per bridge, IPv6 any
 * number that do not overlap.
 */
function conflicting(present: readonly Cidr[], wanted: readonly Cidr[], missing: readonly Cidr[]): readonly Cidr[] {
  const families = new Set(missing.map(({ ip }) => ip.family));
  return present.filter(
    (cidr) =>
      families.has(cidr.ip.family) &&
      !LINK_LOCAL.contains(cidr.ip) &&
      !isAmong(wanted, cidr) &&
      (cidr.ip.family === 4 || missing.some((gateway) => gateway.overlaps(cidr))),
  );
}

const LINK_LOCAL = parseCidr('fe80::/10');

/** @throws CniError code 100 that names the route in the way. */
export function refuseOverlap(kernel: Kernel, gateways: readonly Cidr[], device: string): void {
  for (const gateway of gateways) {
    const culprit = findOverlap(kernel, gateway, device);
    if (culprit === undefined) continue;
    throw new CniError(
      ErrorCode.conflict,
      `subnet of ${gateway} is in use on this host`,
      `the route to ${culprit.subnet} by ${culprit.device} overlaps it; choose another subnet, or set allowOverlap`,
    );
  }
}
