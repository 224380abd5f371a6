/** What the test's attachments have left on the host, in words. */
import { attachmentHash, networkHash } from '@flatnet/cni';
import { overview } from '@flatnet/hostport';
import { listCached } from '../chain/cache.ts';
import { hostEndOf, hostLinks } from '../chain/life.ts';
import { holdingsIn, storeFolderOf } from '../ipam/leases.ts';
import { recordsOf } from '../ipam/survey.ts';
import { type Bench, containerIdOf } from './bench.ts';

export async function remainsOf({ world, file, cacheDir }: Bench): Promise<readonly string[]> {
  const { network } = file;
  const own = (['a', 'b'] as const).map((part) => ({ containerId: containerIdOf(part), ifName: 'eth0' }));
  const marks = new Set(own.map((attachment) => attachmentHash(network.name, attachment)));
  const links = hostLinks();
  const leases = holdingsIn(network.name, storeFolderOf(network)).filter(({ lease }) =>
    own.some(({ containerId }) => lease?.attachment.containerId === containerId),
  );
  const { standing, orphans } = await overview(
    world.kernel.nft,
    recordsOf([{ name: network.name, file, storeFolder: '' }]),
  );
  const rules = [...standing.map(({ record }) => record.owner.hash), ...orphans.map(({ hash }) => hash)];
  return [
    ...own.map((attachment) => hostEndOf(network.name, attachment)).filter((name) => links.has(name)),
    ...leases.map(({ ip }) => `lease ${ip}`),
    ...rules
      .filter((hash) => marks.has(hash))
      .map((hash) => `rules of mark ${hash} (network ${networkHash(network.name)})`),
    ...listCached(cacheDir).map(({ containerId }) => `cached result of ${containerId}`),
  ];
}
