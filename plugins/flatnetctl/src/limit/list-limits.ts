import { networkHash } from '@flatnet/cni';
import { type AttachmentLimits, surveyLimits } from '@flatnet/shaping';
import { listCached } from '../chain/cache.ts';
import type { Places } from '../places.ts';
import { asking, type Shaping } from './shaping.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface LimitEntry {
  readonly network: string;
  readonly containerId: string;
  readonly name: string;
  readonly ifName: string;
  readonly down?: AttachmentLimits['down'];
  readonly up?: AttachmentLimits['up'];
  readonly state: AttachmentLimits['state'];
  readonly missing: readonly string[];
}

/** The limits of containers, of one network or of all, and of one container where `container` tells its name or id. */
export function listLimits(
  { wire, records }: Shaping,
  { cacheDir }: Pick<Places, 'cacheDir'>,
  network?: string,
  container?: string,
): readonly LimitEntry[] {
  const names = new Map(
    listCached(cacheDir).map(({ containerId, cniArgs }) => [
      containerId,
      cniArgs.find(([key]) => key === 'K8S_POD_NAME')?.[1] ?? '',
    ]),
  );
  const hash = network === undefined ? undefined : networkHash(network);
  return asking('read the limits', () => surveyLimits(wire, records, hash))
    .map(({ owner, ...rest }) => ({
      ...{ network: owner.network, containerId: owner.containerId, name: names.get(owner.containerId) ?? '' },
      ifName: owner.ifName,
      ...rest,
    }))
    .filter(
      ({ containerId, name }) => container === undefined || name === container || containerId.startsWith(container),
    );
}
