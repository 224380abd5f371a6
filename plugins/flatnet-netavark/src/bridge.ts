/** The bridge of a network that nobody uses any more. `podman network rm` tells no driver, so the last container takes it along. */
import { stableMac } from '@flatnet/cni';
import { deleteLink, type Kernel, machineId, RtnetlinkError } from '@flatnet/kernel';

/**
 * Removes the bridge where it has no port, and is ours by the MAC that flatnet gives to the bridge of this network. What the administrator
 * made stays.
 *
 * @returns whether it was removed. @throws RtnetlinkError.
 */
export function dropIdleBridge(kernel: Kernel, network: string, bridge: string): boolean {
  const { rtnetlink } = kernel;
  const link = rtnetlink.findLink(bridge);
  if (link?.kind !== 'bridge' || link.mac !== stableMac('bridge', machineId(kernel), network)) return false;
  if (rtnetlink.listLinks({ master: bridge }).length > 0) return false;
  try {
    rtnetlink.change(`remove bridge ${bridge}`, [deleteLink(bridge)]);
    return true;
  } catch (error) {
    if (error instanceof RtnetlinkError && error.kind === 'not-found') return false;
    throw error;
  }
}
