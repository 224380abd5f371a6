/**
 * Docker, ufw and firewalld drop forwarded packets that no rule of theirs accepts. Every base chain of the forward hook must let a packet
 * pass, so ours cannot overrule theirs: it has to be said.
 */
import { parseCidr, type Cidr } from '@flatnet/addressing';
import { judge, obstacleOf } from '@flatnet/firewall';
import { queryIp, type Kernel } from '@flatnet/kernel';
import { readFirewalls } from '@flatnet/kernel/firewalls';
import { ToolError } from '@flatnet/exec';

/**
 * What stands in the way of forwarded traffic of a gateway's device, and what to do; undefined when nothing does, or when nobody can say.
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
  const known = subnets.length > 0 ? subnets : await subnetsOf(kernel, device);
  return obstacleOf(judge({ bridge: device, subnets: known }, firewalls), device, firewalls);
}

async function subnetsOf(kernel: Kernel, device: string): Promise<readonly Cidr[]> {
  try {
    const [link] = await queryIp(kernel, `list the addresses of ${device}`, ['address', 'show', 'dev', device]);
    const entries = Array.isArray(link?.['addr_info']) ? (link['addr_info'] as readonly Record<string, unknown>[]) : [];
    return entries
      .filter(({ scope }) => scope === 'global')
      .map(({ local, prefixlen }) => parseCidr(`${String(local)}/${String(prefixlen)}`));
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'not-found') return [];
    throw error;
  }
}
