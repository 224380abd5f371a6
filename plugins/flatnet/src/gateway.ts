import { parseCidr, type Cidr } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import {
  applyIp,
  ensureSysctls,
  findOverlap,
  hasIpv6,
  queryIp,
  setLink,
  type IpCommand,
  type Kernel,
} from '@flatnet/kernel';
import { ignoreAdvertisements } from './bridge.ts';
import { hasAddress } from './present-address.ts';
import { addAddress } from './topology.ts';

export interface GatewayOptions {
  readonly device: string;
  readonly forceAddress: boolean;
  readonly allowOverlap: boolean;
}

/**
 * Gives the bridge the gateways' addresses, and lets the host forward. Both are shared, hence never undone; what is refused comes first.
 *
 * @throws CniError code 100 when the bridge has another address, or the subnet is somebody else's already.
 */
export async function ensureGateways(
  kernel: Kernel,
  gateways: readonly Cidr[],
  options: GatewayOptions,
): Promise<void> {
  if (gateways.length === 0) return;
  const missing = gateways.filter((gateway) => !hasAddress(kernel, options.device, gateway));
  if (missing.length > 0) await addMissing(kernel, gateways, missing, options);
  // A bridge of somebody else's making may listen, and one whose maker was killed.
  ignoreAdvertisements(kernel, options.device);
  ensureForwarding(kernel, gateways);
}

async function addMissing(
  kernel: Kernel,
  gateways: readonly Cidr[],
  missing: readonly Cidr[],
  options: GatewayOptions,
): Promise<void> {
  const asked = ['address', 'show', 'dev', options.device];
  const [link] = await queryIp(kernel, `list the addresses of ${options.device}`, asked);
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
  const mac = link?.['address'];
  const pin = typeof mac === 'string' ? [setLink(options.device, 'address', mac)] : [];
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

function ensureForwarding(kernel: Kernel, gateways: readonly Cidr[]): void {
  const families = new Set(gateways.map(({ ip }) => ip.family));
  ensureSysctls(kernel, {
    ...(families.has(4) ? { 'ipv4/ip_forward': '1' } : {}),
    ...(families.has(6) && hasIpv6(kernel) ? { 'ipv6/conf/all/forwarding': '1' } : {}),
  });
}

/**
 * Addresses of the device that cannot stay next to the missing ones. As in the reference: IPv4 has one subnet per bridge, IPv6 any
 * number that do not overlap.
 */
function conflicting(
  link: Record<string, unknown> | undefined,
  wanted: readonly Cidr[],
  missing: readonly Cidr[],
): readonly Cidr[] {
  const present = Array.isArray(link?.['addr_info']) ? (link['addr_info'] as readonly Record<string, unknown>[]) : [];
  const cidrs = present
    .filter((entry) => entry['scope'] !== 'link')
    .map((entry) => parseCidr(`${String(entry['local'])}/${String(entry['prefixlen'])}`));
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
