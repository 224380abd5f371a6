/** The containers that are attached now: those of flatnet-firewall's records, and those that only a runtime's cache tells of. */
import { parseCidr } from '@flatnet/addressing';
import type { AttachmentRecord, World as Policies } from '@flatnet/policy';
import { networkOfCached } from '../../chain/attachment.ts';
import { listCached, type CachedAttachment } from '../../chain/cache.ts';
import { asRun } from '../../conflist/as-run.ts';
import { bridgeOf, factsOf } from '../../network/describe.ts';
import type { Places } from '../../places.ts';

export interface Attached {
  readonly network: string;
  readonly containerId: string;
  /** Its name first, and its aliases. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** The device that its packets come by; undefined where that is not known. */
  readonly bridge?: string;
  /** Absent where no flatnet-firewall is in the chain. */
  readonly record?: AttachmentRecord;
}

const LINK_LOCAL = /^fe[89ab]/;

export function attachedNow(
  { folder }: Pick<Policies, 'folder'>,
  { cacheDir, cniPath }: Pick<Places, 'cacheDir' | 'cniPath'>,
): readonly Attached[] {
  const recorded = folder.exists() ? folder.attachments.all() : [];
  const known = new Set(recorded.map(({ owner }) => keyOf(owner)));
  return [
    ...recorded.map((record): Attached => {
      const { owner, attachment } = record;
      const { names, bridge } = attachment;
      const addresses = attachment.addresses.filter((address) => !LINK_LOCAL.test(address));
      return { network: owner.network, containerId: owner.containerId, names, addresses, bridge, record };
    }),
    ...listCached(cacheDir)
      .filter((cached) => !known.has(keyOf(cached)))
      .map((cached) => ofCache(cached, cniPath)),
  ];
}

const keyOf = ({
  network,
  containerId,
  ifName,
}: Pick<CachedAttachment, 'network' | 'containerId' | 'ifName'>): string =>
  JSON.stringify([network, containerId, ifName]);

function ofCache(cached: CachedAttachment, cniPath: readonly string[]): Attached {
  const { name, addresses } = factsOf(cached);
  const network = networkOfCached(cached);
  const bridge = network === undefined ? undefined : bridgeOf(asRun(network, cniPath));
  return {
    ...{ network: cached.network, containerId: cached.containerId, names: name === undefined ? [] : [name] },
    addresses: addresses.map((address) => String(parseCidr(address).ip)),
    ...(bridge === undefined ? {} : { bridge }),
  };
}
