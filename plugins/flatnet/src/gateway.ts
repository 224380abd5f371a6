import { parseCidr, type Cidr } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import {
  applyIp,
  ensureForwarding,
  findAddressedLink,
  findOverlap,
  ipv6Obstacle,
  setLink,
  type AddressedLink,
  type IpCommand,
  type Kernel,
} from '@flatnet/kernel';
import { ignoreAdvertisements } from './bridge.ts';
import { addAddress } from './container.ts';

export interface GatewayOptions {
  readonly device: string;
  readonly forceAddress: boolean;
  readonly allowOverlap: boolean;
}

/**
 * Gives the bridge the gateways' addresses, and lets the host forward. Both are shared, hence never undone; what is refused comes first.
 *
 * @param present the device as it was a moment ago, where that is known.
 * @returns the settings that cannot be written.
 * @throws CniError code 50 where IPv6 is off, 100 when the bridge has another address, or the subnet is in use; ToolError.
 */
export async function ensureGateways(
  kernel: Kernel,
  gateways: readonly Cidr[],
  options: GatewayOptions,
  present?: AddressedLink,
): Promise<readonly string[]> {
  if (gateways.length === 0) return [];
  refuseWithoutIpv6(kernel, options.device, gateways.map(String));
  const device = present ?? (await findAddressedLink(kernel, options.device));
  const missing = gateways.filter((gateway) => !hasAddress(device, gateway));
  if (missing.length > 0) await addMissing(kernel, gateways, missing, options);
  // A foreign bridge may listen, and one whose ADD was killed before the setting was made.
  const notes = ignoreAdvertisements(kernel, options.device);
  for (const family of new Set(gateways.map(({ ip }) => ip.family))) ensureForwarding(kernel, family);
  return notes;
}

/** Whether a link has an address with its prefix length. */
export const hasAddress = (link: AddressedLink | undefined, cidr: Cidr): boolean =>
  link?.addresses.some((text) => String(parseCidr(text)) === String(cidr)) === true;

/** @param texts addresses or subnets that the device is to carry. @throws CniError code 50 that names the setting and the next step. */
export function refuseWithoutIpv6(kernel: Kernel, device: string, texts: readonly string[]): void {
  const wanted = texts.find((text) => text.includes(':'));
  const obstacle = wanted === undefined ? undefined : ipv6Obstacle(kernel, device);
  if (obstacle === undefined) return;
  const message = `IPv6 is switched off on this host, and the network has ${wanted}`;
  throw new CniError(ErrorCode.notAvailable, message, `${obstacle.what}: ${obstacle.next}`);
}

async function addMissing(
  kernel: Kernel,
  gateways: readonly Cidr[],
  missing: readonly Cidr[],
  options: GatewayOptions,
): Promise<void> {
  // Asked again: since the last look the delegated plugin was at work.
  const link = await findAddressedLink(kernel, options.device);
  const replaced = conflicting(link, gateways, missing);
  if (replaced.length > 0 && !options.forceAddress) {
    throw new CniError(
      ErrorCode.conflict,
      `"${options.device}" already has an IP address different from ${missing.join(', ')}`,
      `it has ${replaced.join(', ')}; use another bridge, remove that address, or set forceAddress`,
    );
  }
  if (!options.allowOverlap) await refuseOverlap(kernel, missing, options.device);
  const doing = `give ${options.device} the address ${missing.join(', ')}`;
  await applyIp(
    kernel,
    doing,
    replaced.map((cidr) => ['address', 'delete', String(cidr), 'dev', options.device]),
  );
  // A bridge that was given no MAC takes the lowest of its ports', and another one with each container that comes or goes; then the
  // others' neighbour entries of their gateway are wrong for half a minute. Saying the present one makes it stay.
  const pin = link?.mac === undefined ? [] : [setLink(options.device, 'address', link.mac)];
  for (const gateway of missing) await addOnce(kernel, doing, [...pin, addAddress(gateway, options.device)]);
}

/** Another ADD may be quicker: then it is there, which is all that is wanted. */
async function addOnce(kernel: Kernel, doing: string, commands: readonly IpCommand[]): Promise<void> {
  try {
    await applyIp(kernel, doing, commands);
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
}

/**
 * Addresses of the device that cannot stay next to the missing ones. As in the reference: IPv4 has one subnet per bridge, IPv6 any
 * number that do not overlap.
 */
function conflicting(
  link: AddressedLink | undefined,
  wanted: readonly Cidr[],
  missing: readonly Cidr[],
): readonly Cidr[] {
  const cidrs = (link?.addresses ?? []).filter((text) => !text.startsWith('fe80:')).map((text) => parseCidr(text));
  const families = new Set(missing.map(({ ip }) => ip.family));
  return cidrs.filter(
    (cidr) =>
      families.has(cidr.ip.family) &&
      !wanted.some((gateway) => String(gateway) === String(cidr)) &&
      (cidr.ip.family === 4 || missing.some((gateway) => gateway.overlaps(cidr))),
  );
}

/** @throws CniError code 100 that names the route in the way. */
export async function refuseOverlap(kernel: Kernel, gateways: readonly Cidr[], device: string): Promise<void> {
  for (const gateway of gateways) {
    const culprit = await findOverlap(kernel, gateway, device);
    if (culprit === undefined) continue;
    throw new CniError(
      ErrorCode.conflict,
      `subnet of ${gateway} is in use on this host`,
      `the route to ${culprit.subnet} by ${culprit.device} overlaps it; choose another subnet, or set allowOverlap`,
    );
  }
}
