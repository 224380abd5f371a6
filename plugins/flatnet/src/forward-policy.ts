/**
 * Docker, ufw and firewalld drop forwarded packets that no rule of theirs accepts. Every base chain of the forward hook must let a packet
 * pass, so ours cannot overrule theirs: it has to be said.
 */
import { parseCidr, type Cidr } from '@flatnet/addressing';
import { judge, obstacleOf } from '@flatnet/firewall';
import { cidrOf, type Kernel } from '@flatnet/kernel';
import { readFirewalls } from '@flatnet/kernel/firewalls';
import { ToolError } from '@flatnet/exec';

/**
 * What stands in the way of forwarded traffic of a gateway's device, and what to do; undefined when nothing does, or when that is not known.
 *
 * @param subnets those of the network; when there are none, those that the device has addresses of.
 * @throws ToolError where nft cannot be asked at all.
 */
export async function forwardObstacle(
  kernel: Kernel,
  device: string,
  subnets: readonly Cidr[],
): Promise<string | undefined> {
  const firewalls = await readFirewalls(kernel);
  if (firewalls.tables.length === 0) return undefined;
  const known = subnets.length > 0 ? subnets : subnetsOf(kernel, device);
  return obstacleOf(judge({ bridge: device, subnets: known }, firewalls), device, firewalls);
}

/** RT_SCOPE_UNIVERSE of linux/rtnetlink.h */
const GLOBAL = 0;

function subnetsOf({ rtnetlink }: Kernel, device: string): readonly Cidr[] {
  try {
    const addresses = rtnetlink.listAddresses(device);
    return addresses.filter(({ scope }) => scope === GLOBAL).map((address) => parseCidr(cidrOf(address)));
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'not-found') return [];
    throw error;
  }
}
