/**
 * The OCI hook: createRuntime attaches, poststop detaches. All networks of the container or none: when one cannot be attached, those
 * before it are taken back, and the runtime gives up on the container. Detaching goes to the end.
 */
import { argumentsOf, assertIdentity, attach, detach, netnsPath, networkOfCached } from '../chain/attachment.ts';
import { findCached, type CachedAttachment } from '../chain/cache.ts';
import { namespaceAt } from '../chain/life.ts';
import { contextOf, type ChainContext } from '../chain/context.ts';
import { getNetwork } from '../conflist/directory.ts';
import { isIdentifier } from '@flatnet/cni';
import { OperatorError, problem, usage } from '../failure.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import type { ContainerState } from './state.ts';
import type { HookAttachment } from './wishes.ts';

/** @throws OperatorError */
export async function attachContainer(
  world: World,
  places: Places,
  state: ContainerState,
  wanted: readonly HookAttachment[],
  interrupted?: AbortSignal,
): Promise<readonly CachedAttachment[]> {
  const netns = netnsPath(String(state.pid));
  if (namespaceAt(netns) === namespaceAt('/proc/self/ns/net')) {
    throw problem(
      `container ${state.id} has the host's own network namespace`,
      'add { "type": "network" } without a path to linux.namespaces of its config.json',
    );
  }
  const context = contextOf(world, places, interrupted);
  const done: CachedAttachment[] = [];
  try {
    for (const { network, ifName, wishes } of wanted) {
      assertIdentity(state.id, ifName);
      const file = getNetwork(places.netDir, network);
      const attachment = { containerId: state.id, ifName, netns, ...argumentsOf(file.network, wishes) };
      done.push(await attach(context, places.cacheDir, file, attachment));
    }
    return done;
  } catch (error) {
    // The first failure is the one to tell.
    for (const cached of done.reverse()) await detachOne(context, places, cached, netns).catch(() => undefined);
    throw error;
  }
}

/** Takes back what `attachContainer` made; nothing there is success. @throws OperatorError the failures together. */
export async function detachContainer(
  world: World,
  places: Places,
  state: ContainerState,
  wanted: readonly HookAttachment[],
): Promise<readonly CachedAttachment[]> {
  const context = contextOf(world, places);
  const done: CachedAttachment[] = [];
  const failures: string[] = [];
  for (const { network, ifName } of [...wanted].reverse()) {
    assertIdentity(state.id, ifName);
    if (!isIdentifier(network))
      throw usage(`${JSON.stringify(network)} is not a network name`, 'flatnetctl network ls');
    const cached = findCached(places.cacheDir, { network, containerId: state.id, ifName });
    if (cached === undefined) continue;
    try {
      // The namespace ended with the container's last process; its path may be another process's by now.
      await detachOne(context, places, cached, '');
      done.push(cached);
    } catch (error) {
      failures.push(error instanceof OperatorError ? error.message : String(error));
    }
  }
  if (failures.length > 0) throw problem(failures.join('; '), 'flatnetctl ipam check');
  return done;
}

async function detachOne(
  context: ChainContext,
  places: Places,
  cached: CachedAttachment,
  netns: string,
): Promise<void> {
  const network = networkOfCached(cached) ?? getNetwork(places.netDir, cached.network).network;
  await detach(context, places.cacheDir, network, cached, netns);
}
