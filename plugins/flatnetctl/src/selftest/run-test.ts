import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { contextOf } from '../chain/context.ts';
import { findExecutable } from '../chain/find-executable.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { findNetwork } from '../conflist/driver-networks.ts';
import { decodeNetwork } from '../conflist/model.ts';
import { usage } from '../failure.ts';
import { stopped, withInterrupts } from '../interrupt.ts';
import { bridgePorts } from '../network/bridge.ts';
import { removeIfUnused } from '../network/remove.ts';
import { bridgeOf } from '../network/describe.ts';
import { freeSubnet4 } from '../network/free-subnet.ts';
import { takenSubnets } from '../network/taken-subnets.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { createDriverNetwork, driverFront } from './driver-front.ts';
import { cniFront, type Front } from './front.ts';
import { openLab, type Lab } from './lab.ts';
import { networkOf } from './namespaces.ts';
import { putBack, settingsNow } from './settings.ts';
import { refusal, type Step } from './step.ts';
import { type Bench, containerIdOf } from './bench.ts';
import { STEPS } from './steps.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface StepResult {
  readonly step: string;
  readonly state: Step['state'];
  readonly reason: string;
  readonly next: string;
  readonly ms: number;
}

export interface TestOptions {
  /** Absent: one that the test makes. */
  readonly network?: string | undefined;
  /** By netavark's driver, where the network is the test's own. */
  readonly driver: boolean;
}

/** After one of these has failed the others would tell nothing new. */
const NEEDED = new Set(['plugins', 'attach']);
/** These are owed even after a failure. */
const OWED = new Set(['detach', 'nothing left']);

/**
 * Runs the test and tells each step as it ends. Whatever happens, also when it is interrupted, everything that it made is removed, and
 * settings of the host are what they were.
 *
 * @throws OperatorError when the surroundings cannot be made, or when it is interrupted.
 */
export function runTest(
  world: World,
  places: Places,
  { network: name, driver }: TestOptions,
  tell: (result: StepResult) => void,
): Promise<readonly StepResult[]> {
  const named = name === undefined ? undefined : findNetwork(places, name);
  if (driver && named !== undefined && named.network.id === undefined)
    throw usage(`network ${named.network.name} is one of a conflist`, 'leave --driver out, or name one of Podman');
  return withInterrupts(world, async (interrupted) => {
    const settings = settingsNow();
    const lab = await openLab(world, interrupted);
    let bench: Bench | undefined;
    try {
      bench = await openBench(world, places, lab, { named, driver, interrupted });
      const results = await runSteps(bench, tell);
      if (interrupted.aborted) throw stopped();
      return results;
    } finally {
      if (bench !== undefined) await closeBench(bench, places, named === undefined);
      await lab.close();
      await putBack(world, settings);
    }
  });
}

async function openBench(
  world: World,
  places: Places,
  lab: Lab,
  { named, driver, interrupted }: { named: NetworkFile | undefined; driver: boolean; interrupted: AbortSignal },
): Promise<Bench> {
  const own = () => (driver ? createDriverNetwork(world, networkOf(process.pid)) : ownNetwork(world, places, lab));
  const file = named ?? (await own());
  const bridge = bridgeOf(file.network);
  const cacheDir = join(lab.folder, 'cache');
  return {
    ...{
      world,
      lab,
      file,
      cacheDir,
      interrupted,
      attached: [],
      front: frontOf(world, places, file, cacheDir, interrupted),
    },
    hostPort: randomInt(42_000, 48_000),
    makesBridge: bridge !== undefined && bridgePorts(world.kernel, bridge) === undefined,
  };
}

async function runSteps(bench: Bench, tell: (result: StepResult) => void): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  let isHopeless = false;
  for (const [step, work] of STEPS) {
    if (bench.interrupted.aborted) return results;
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
  const subnet = freeSubnet4(takenSubnets(world.kernel, places).map((taken) => taken.subnet));
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

/** A network of Podman has an id of its own. */
function frontOf(world: World, places: Places, file: NetworkFile, cacheDir: string, interrupted?: AbortSignal): Front {
  if (file.network.id !== undefined) return driverFront(world, file, cacheDir);
  const context = contextOf(world, places, interrupted);
  return cniFront(context, cacheDir, file, (type) => findExecutable(type, context.cniPath));
}

/** In DEL's order; each step has its turn whatever became of the one before. */
async function closeBench(bench: Bench, places: Places, isOwnNetwork: boolean): Promise<void> {
  const { world, cacheDir, file, attached, makesBridge, lab } = bench;
  // The interrupted one would run nothing more.
  const front = frontOf(world, places, file, cacheDir);
  const quietly = async (work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch {
      // What stays is for the next run.
    }
  };
  for (const cached of attached.splice(0)) await quietly(() => front.detach(cached));
  // What was cut short is told by no record.
  for (const part of ['a', 'b'] as const)
    await quietly(() => front.clear({ containerId: containerIdOf(part), netns: lab[part], ports: [] }));
  if (isOwnNetwork) await quietly(() => front.removeNetwork());
  const bridge = bridgeOf(file.network);
  if (bridge !== undefined && makesBridge) await quietly(() => removeIfUnused(world, bridge));
}
