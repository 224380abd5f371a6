import { CniError, ErrorCode, networkHash } from '@flatnet/cni';
import { inputObstacle } from '@flatnet/dns';
import type { StatusRequest } from '@flatnet/skel';
import type { DnsConfig } from './config.ts';
import type { Deps } from './deps.ts';

/**
 * STATUS. There is a dnsmasq to start, and no other firewall drops questions on the bridge that the network has now.
 *
 * @throws CniError code 50 with the package to install, or 51 with the chain and what opens it.
 */
export async function status(deps: Deps, { network, signal }: StatusRequest<DnsConfig>): Promise<void> {
  if (deps.dnsmasq() === undefined) {
    throw new CniError(
      ErrorCode.notAvailable,
      'flatnet-dns cannot serve names',
      'dnsmasq is not installed; install the package dnsmasq-base (Debian) or dnsmasq',
    );
  }
  const world = deps.world(signal);
  const zone = world.folder.readZone(networkHash(network));
  const obstacle = zone === undefined ? undefined : await inputObstacle(world, zone);
  if (obstacle === undefined) return;
  throw new CniError(ErrorCode.limitedConnectivity, `containers of network ${network} cannot ask for names`, obstacle);
}
