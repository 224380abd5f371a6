import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { detach } from '../chain/attachment.ts';
import { delChain, gcChain, type ChainContext } from '../chain/run-chain.ts';
import { getNetwork, type NetworkFile } from '../conflist/directory.ts';
import { decodeNetwork } from '../conflist/model.ts';
import { deleteBridge } from '../network/bridge.ts';
import { bridgeOf } from '../network/describe.ts';
import { freeSubnet4 } from '../network/free-subnet.ts';
import { takenSubnets } from '../network/taken-subnets.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { networkOf, openLab, type Lab } from './lab.ts';
import { refusal, type Step } from './step.ts';
import { containerIdOf, STEPS, type Bench } from './steps.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface StepResult {
  readonly step: string;
  readonly state: Step['state'];
  readonly reason: string;
  readonly next: string;
  readonly ms: number;
}

/** After one of these has failed the others would tell nothing new. */
const NEEDED = new Set(['plugins', 'attach']);
/** These are owed even after a failure. */
const OWED = new Set(['detach', 'nothing left']);

/**
 * Runs the test and tells each step as it ends. Whatever happens, also a signal, everything that it made is removed.
 *
 * @throws OperatorError when the surroundings cannot be made.
 */
export async function runTest(
  world: World,
  places: Places,
  name: string | undefined,
  tell: (result: StepResult) => void,
): Promise<readonly StepResult[]> {
  const named = name === undefined ? undefined : getNetwork(places.netDir, name);
  const lab = await openLab(world);
  const context: ChainContext = { run: world.run, env: world.env, cniPath: places.cniPath };
  const cacheDir = join(lab.folder, 'cache');
  const file = named ?? (await ownNetwork(world, places, lab));
  const hostPort = randomInt(42_000, 48_000);
  const bench: Bench = { world, lab, context, cacheDir, file, hostPort, attached: [] };
  const close = onlyOnce(() => closeBench(bench, named === undefined));
  const onSignal = (): void => void close().finally(() => process.exit(130));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await runSteps(bench, tell);
  } finally {
    await close();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function runSteps(bench: Bench, tell: (result: StepResult) => void): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  let isHopeless = false;
  for (const [step, work] of STEPS) {
    const started = performance.now();
    const outcome: Step =
      isHopeless && !OWED.has(step)
        ? { state: 'skipped', reason: 'a step before it failed' }
        : await outcomeOf(work, bench);
    isHopeless ||= outcome.state === 'failed' && NEEDED.has(step);
    const { state, reason, next = '' } = outcome;
    const result = { step, state, reason, next, ms: Math.round(performance.now() - started) };
    results.push(result);
    tell(result);
  }
  return results;
}

async function outcomeOf(work: (bench: Bench) => Promise<Step> | Step, bench: Bench): Promise<Step> {
  try {
    return await work(bench);
  } catch (error) {
    return refusal(error);
  }
}

/** A network as `network create` makes it, that no directory of a runtime ever shows. */
async function ownNetwork(world: World, places: Places, lab: Lab): Promise<NetworkFile> {
  const subnet = freeSubnet4((await takenSubnets(world.run, places.netDir)).map((taken) => taken.subnet));
  const dataDir = join(lab.folder, 'leases');
  mkdirSync(dataDir, { mode: 0o700 });
  const list = {
    cniVersion: '1.1.0',
    name: networkOf(process.pid),
    plugins: [
      { type: 'flatnet', ipam: { type: 'flatnet-ipam', dataDir, subnet: String(subnet) } },
      { type: 'flatnet-portmap', capabilities: { portMappings: true } },
    ],
  };
  return { path: '', network: decodeNetwork(list, 'test network'), text: JSON.stringify(list) };
}

const onlyOnce = (work: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
};

/** In DEL's order; each step has its turn whatever became of the one before. */
async function closeBench(bench: Bench, isOwnNetwork: boolean): Promise<void> {
  const { world, context, cacheDir, file, lab, attached } = bench;
  const quietly = (work: Promise<void>): Promise<void> => work.catch(() => undefined);
  for (const cached of attached.splice(0)) await quietly(detach(context, cacheDir, file.network, cached));
  for (const part of ['a', 'b'] as const) {
    const identity = { containerId: containerIdOf(part), ifName: 'eth0', netns: '', cniArgs: [], capabilityArgs: {} };
    // An ADD that was cut short left what no record of ours tells.
    await quietly(delChain(context, file.network, identity, undefined));
  }
  if (isOwnNetwork) {
    await quietly(gcChain(context, file.network, []));
    const bridge = bridgeOf(file.network);
    if (bridge !== undefined) await quietly(deleteBridge(world.run, bridge));
  }
  await lab.close();
}
