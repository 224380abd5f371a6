/** Attachments that live now, with the configuration that each was made with. */
import { networkOfCached } from '../chain/attachment.ts';
import { listCached, type CachedAttachment } from '../chain/cache.ts';
import { asRun } from '../conflist/as-run.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { mainPlugin, type Network } from '../conflist/model.ts';
import { isAlive } from '../network/remove.ts';
import type { Places } from '../places.ts';

export interface Attached {
  readonly cached: CachedAttachment;
  readonly network: Network;
}

/** Those whose main plugin is flatnet, under whatever name. */
export function attachedNow({ netDir, driverDirs, cacheDir, cniPath }: Places): readonly Attached[] {
  const configured = new Map(networksOf({ netDir, driverDirs }).files.map(({ network }) => [network.name, network]));
  return listCached(cacheDir)
    .filter(isAlive)
    .flatMap((cached): readonly Attached[] => {
      const network = networkOfCached(cached) ?? configured.get(cached.network);
      return network !== undefined && isFlatnet(network, cniPath) ? [{ cached, network }] : [];
    });
}

export const isFlatnet = (network: Network, cniPath: readonly string[]): boolean =>
  mainPlugin(asRun(network, cniPath)).type === 'flatnet';

/** What the flatnet plugin makes of the routing keys: a configuration that says nothing of them wants a network that works. */
export function routingOf(network: Network, cniPath: readonly string[]) {
  const { internal, ipMasq, isGateway, isDefaultGateway } = mainPlugin(asRun(network, cniPath));
  const isPlain = [ipMasq, isGateway, isDefaultGateway].every((key) => key === undefined || key === null);
  const isOut = internal !== true;
  return {
    /** The host forwards packets of its containers to other hosts. */
    isForwarded: isOut && (isPlain || isGateway === true || isDefaultGateway === true),
    isMasqueraded: isOut && (isPlain || ipMasq === true),
  };
}
