import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNetworkName, CniError } from '@flatnet/cni';
import { contextOf } from '../chain/context.ts';
import { findExecutable } from '../chain/find-executable.ts';
import { statusChain } from '../chain/run-chain.ts';
import { pathOfNetwork, placeFile, readDirectory, removeFile } from '../conflist/directory.ts';
import { decodeNetwork, type Network } from '../conflist/model.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { problem, usage } from '../failure.ts';
import { stopped } from '../interrupt.ts';
import { hasSegment, hasStore, removeStore } from '../ipam/store-folders.ts';
import { renderJson } from '../output.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { planNetwork, type NetworkWish } from './plan-network.ts';
import { configuredSubnets, takenSubnets } from './taken-subnets.ts';

export interface CreateOutcome {
  readonly path: string;
  readonly text: string;
}

const TRIES = 20;
const INVALID_CONFIG = 7;

/**
 * Writes a new network. Of two calls at once that chose overlapping subnets, at least the later one sees the other's file: it
 * takes its own back and chooses again.
 *
 * @throws OperatorError
 */
export async function createNetwork(
  world: World,
  places: Places,
  wish: NetworkWish,
  how: { readonly dryRun: boolean; readonly ignore: boolean; readonly interrupted?: AbortSignal },
): Promise<CreateOutcome> {
  assertName(wish.name);
  const existing = readDirectory(places.netDir).files.find(({ network }) => network.name === wish.name);
  if (existing !== undefined) {
    if (how.ignore) return { path: existing.path, text: existing.text };
    throw problem(`network ${wish.name} exists already (${existing.path})`, `flatnetctl network inspect ${wish.name}`);
  }
  const path = pathOfNetwork(places.netDir, wish.name);
  for (let attempt = 0; ; attempt++) {
    const taken = takenSubnets(world.kernel, places);
    const list = planNetwork(wish, { taken, now: world.now(), random: () => randomBytes(5), skip: skipOf(attempt) });
    const network = decodeNetwork(list, 'network');
    if (attempt === 0) await refuseWhatPluginsRefuse(world, places, network, how.dryRun);
    const text = renderJson(list);
    if (how.dryRun) return { path, text };
    if (how.interrupted?.aborted === true) throw stopped();
    placeFile(path, text, 'exclusive');
    const rival = wish.allowOverlap ? undefined : rivalOf(places, network);
    if (rival === undefined) return { path, text };
    removeFile(path);
    if (attempt >= TRIES) throw problem(`another network keeps taking the subnet: ${rival}`, 'try again');
    await sleep(5 + Math.random() * 20);
  }
}

/** After a clash the two must choose apart, else they meet again. */
const skipOf = (attempt: number): number => (attempt === 0 ? 0 : Math.floor(Math.random() * 4 * attempt));

function rivalOf(places: Places, network: Network): string | undefined {
  const own = subnetsOf(network);
  return configuredSubnets(places).find(
    (other) => other.by !== `network ${network.name}` && own.some(({ subnet }) => other.subnet.overlaps(subnet)),
  )?.by;
}

function assertName(name: string): void {
  try {
    assertNetworkName(name);
  } catch (error) {
    if (error instanceof CniError) throw usage(error.message, error.details);
    throw error;
  }
}

/**
 * The plugins validate: STATUS decodes the configuration with the schema of ADD. Other failures of STATUS (no nft yet) do not
 * concern the configuration, and plugins that are not installed cannot be asked.
 */
async function refuseWhatPluginsRefuse(world: World, places: Places, network: Network, dryRun: boolean): Promise<void> {
  try {
    network.plugins.forEach(({ type }) => findExecutable(type, places.cniPath));
  } catch {
    return;
  }
  const [hadStore, hadSegment] = [hasStore(network), hasSegment(network)];
  const refusal = (await statusChain(contextOf(world, places), network)).find(({ code }) => code === INVALID_CONFIG);
  // STATUS of flatnet-ipam tries whether it may write there.
  if (!hadStore && (dryRun || refusal !== undefined)) removeStore(network, !hadSegment);
  if (refusal !== undefined)
    throw usage(`plugin ${refusal.type} refuses this: ${refusal.text}`, 'flatnetctl network create --help');
}
