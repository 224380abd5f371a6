import { existsSync } from 'node:fs';
import { detach, networkOfCached } from '../chain/attachment.ts';
import { listCached, type CachedAttachment } from '../chain/cache.ts';
import { gcChain, type ChainContext } from '../chain/run-chain.ts';
import { readDirectory, removeFile, type NetworkFile } from '../conflist/directory.ts';
import { problem } from '../failure.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { bridgePorts, deleteBridge } from './bridge.ts';
import { bridgeOf, factsOf } from './describe.ts';

/** The attachments of a network, and whether their namespaces still exist. */
export function attachmentsOf(cacheDir: string, network: string): readonly (CachedAttachment & { alive: boolean })[] {
  return listCached(cacheDir)
    .filter((cached) => cached.network === network)
    .map((cached) => {
      const { netns } = factsOf(cached);
      return { ...cached, alive: netns !== undefined && existsSync(netns) };
    });
}

/**
 * Removes a network: attachments (with `force`), leases, rules, its bridge, its file; in this order, so that a failure leaves the
 * file to try again with. Answers what was (or with `dryRun` would be) done.
 *
 * @throws OperatorError when containers use it, or when somebody else wrote the file, unless `force`.
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
    throw problem(`network ${name} is in use by ${living.map(({ containerId }) => containerId).join(', ')}`, again);
  }
  const bridge = ownBridge(places.netDir, file);
  const ports = bridge === undefined ? undefined : await bridgePorts(world.run, bridge);
  if (living.length === 0 && ports !== undefined && ports.length > 0 && !force) {
    throw problem(`bridge ${bridge} of network ${name} still has ports: ${ports.join(', ')}`, again);
  }
  const context: ChainContext = { run: world.run, env: world.env, cniPath: places.cniPath };
  const steps: { readonly text: string; readonly work: () => Promise<void> | void }[] = [
    ...attachments.map((cached) => ({
      text: `detach ${cached.containerId} (${cached.ifName})`,
      work: () => detach(context, places.cacheDir, networkOfCached(cached) ?? network, cached),
    })),
    { text: 'free leases and rules', work: () => freeAll(context, file) },
    ...(bridge === undefined || ports === undefined
      ? []
      : [{ text: `remove bridge ${bridge}`, work: () => removeIfUnused(world, bridge) }]),
    { text: `remove ${path}`, work: () => removeFile(path) },
  ];
  if (!dryRun) for (const { work } of steps) await work();
  return steps.map(({ text }) => text);
}

/** GC with no valid attachment left. Only our plugins: the reference ones have no GC, and nothing of theirs is known to be ours. */
async function freeAll(context: ChainContext, { network }: NetworkFile): Promise<void> {
  const plugins = network.plugins.filter(({ type }) => type.startsWith('flatnet'));
  if (plugins.length > 0) await gcChain(context, { ...network, cniVersion: '1.1.0', plugins }, []);
}

/** The network's bridge, unless another network names it too. */
function ownBridge(netDir: string, { network }: NetworkFile): string | undefined {
  const bridge = bridgeOf(network);
  const others = readDirectory(netDir).files.filter((other) => other.network.name !== network.name);
  return others.some((other) => bridgeOf(other.network) === bridge) ? undefined : bridge;
}

/** A bridge that somebody plugged a port into stays: it is in use by what we do not know. */
async function removeIfUnused(world: World, bridge: string): Promise<void> {
  const ports = await bridgePorts(world.run, bridge);
  if (ports !== undefined && ports.length === 0) await deleteBridge(world.run, bridge);
}
