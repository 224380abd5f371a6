import { existsSync } from 'node:fs';
import { defaultBridge } from '@flatnet/cni';
import { asNewest } from '../chain/as-newest.ts';
import { detach, networkOfCached } from '../chain/attachment.ts';
import { listCached, type CachedAttachment } from '../chain/cache.ts';
import { contextOf, type ChainContext } from '../chain/context.ts';
import { gcChain } from '../chain/run-chain.ts';
import { runsAs } from '../conflist/as-run.ts';
import { readDirectory, removeFile, type NetworkFile } from '../conflist/directory.ts';
import type { Network } from '../conflist/model.ts';
import { problem } from '../failure.ts';
import { hasStore, removeStore } from '../ipam/store-folders.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { bridgePorts, deleteBridge } from './bridge.ts';
import { bridgeOf, factsOf } from './describe.ts';

/** The attachments of a network, and whether their namespaces still exist. */
export function attachmentsOf(cacheDir: string, network: string): readonly (CachedAttachment & { alive: boolean })[] {
  return listCached(cacheDir)
    .filter((cached) => cached.network === network)
    .map((cached) => ({ ...cached, alive: isAlive(cached) }));
}

/** Whether there still is a namespace where the attachment was made. */
export function isAlive(cached: CachedAttachment): boolean {
  const { netns } = factsOf(cached);
  return netns !== undefined && existsSync(netns);
}

/**
 * Removes a network: attachments (with `force`), leases, rules, its bridge, its file; in this order, so that a failure leaves the
 * file to try again with. Answers what was (or with `dryRun` would be) done; a bridge that stays is told on stderr.
 *
 * @throws OperatorError when containers use it, or when flatnetctl did not write the file, unless `force`.
 */
export async function removeNetwork(
  world: World,
  places: Places,
  file: NetworkFile,
  { force, dryRun }: { readonly force: boolean; readonly dryRun: boolean },
): Promise<readonly string[]> {
  const { network, path } = file;
  const { name } = network;
  const again = `flatnetctl network rm --force ${name}`;
  if (network.created === undefined && !force) throw problem(`${path} was not written by flatnetctl`, again);
  const attachments = attachmentsOf(places.cacheDir, name);
  const living = attachments.filter(({ alive }) => alive);
  if (living.length > 0 && !force) {
    throw problem(
      `network ${name} is in use by ${living.map((cached) => factsOf(cached).name ?? cached.containerId.slice(0, 12)).join(', ')}`,
      again,
    );
  }
  const bridge = bridgeOf(network);
  const ports = bridge === undefined ? undefined : bridgePorts(world.kernel, bridge);
  const stays = bridge === undefined ? undefined : whyItStays(places.netDir, network, bridge);
  const used = (ports ?? []).filter((port) => stays === undefined || (stays === FOREIGN && isHostEnd(port)));
  if (living.length === 0 && used.length > 0 && !force) {
    throw problem(`bridge ${bridge} of network ${name} still has ports: ${used.join(', ')}`, again);
  }
  const context = contextOf(world, places);
  const steps: { readonly text: string; readonly work: () => Promise<void> | void }[] = [
    ...attachments.map((cached) => ({
      text: `detach ${cached.containerId} (${cached.ifName})`,
      work: () => detach(context, places.cacheDir, networkOfCached(cached) ?? network, cached),
    })),
    { text: 'free leases and rules', work: () => freeAll(context, file) },
    ...(bridge === undefined || ports === undefined || stays !== undefined
      ? []
      : [{ text: `remove bridge ${bridge}`, work: () => removeIfUnused(world, bridge) }]),
    { text: `remove ${path}`, work: () => removeFile(path) },
    ...(hasStore(network)
      ? [{ text: 'remove its empty lease folders', work: () => removeStore(network, stays === undefined) }]
      : []),
  ];
  if (!dryRun) for (const { work } of steps) await work();
  if (ports !== undefined && stays !== undefined) world.err(`bridge ${bridge} stays: ${stays}\n`);
  return steps.map(({ text }) => text);
}

/** GC with no valid attachment left. Only our plugins: the reference ones have no GC, and nothing of theirs is known to be ours. */
async function freeAll(context: ChainContext, { network }: NetworkFile): Promise<void> {
  const plugins = network.plugins.filter(({ type }) => runsAs(type, context.cniPath).startsWith('flatnet'));
  if (plugins.length > 0) await gcChain(context, await asNewest(context, { ...network, plugins }), []);
}

const FOREIGN = 'its name is not of flatnet';

/** A host end of flatnet's: a container without a record may hang on it. */
const isHostEnd = (port: string): boolean => /^fl[0-9a-f]{12}$/.test(port);

/** A name from the configuration may be of a bridge that was there before, so only what flatnet itself named is removed. */
function whyItStays(netDir: string, { name }: Network, bridge: string): string | undefined {
  const others = readDirectory(netDir).files.filter(({ network }) => network.name !== name);
  const other = others.find(({ network }) => bridgeOf(network) === bridge);
  if (other !== undefined) return `network ${other.network.name} uses it`;
  return bridge === defaultBridge(name) ? undefined : FOREIGN;
}

/** A bridge with a port of another program stays: it is in use. */
export function removeIfUnused(world: World, bridge: string): void {
  const ports = bridgePorts(world.kernel, bridge);
  if (ports !== undefined && ports.length === 0) deleteBridge(world.kernel, bridge);
}
