import { ChainError, chainOf, type Conflist } from '@flatnet/testing';
import { addressesOf, callOf, type Kept, type Port } from './attachment.ts';
import { conflistOf, NETWORKS } from './networks.ts';
import { attachmentsOf, find, note, type World } from './world.ts';

/** Ports of the host that containers compete for. */
const HOST_PORTS = [8081, 8082, 8083, 8084, 8085, 8086, 8087, 8088, 8089];
/** What an ADD may refuse: a port that another one has, an address pool that is used up, a moment that is not good. */
const CONFLICT = 100;
const EXHAUSTED = 101;
const AGAIN = 11;

/** @returns undefined when it ended well, `killed`, or the error. */
async function outcomeOf(work: Promise<unknown>): Promise<undefined | 'killed' | { code: number; text: string }> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    const { exitCode, json, stdout, stderr } = error.answer;
    if (exitCode === 137) return 'killed';
    const code = Number(json?.['code'] ?? 0);
    return { code, text: `${error.plugin} ${error.verb} ${exitCode}: ${stdout}${code === 0 ? stderr : ''}`.trim() };
  }
}

const labelOf = (kept: Kept): string => `${kept.container.id}/${kept.network.name}`;
const moment = ({ random, usual }: World): number => (random.integer(0, 1000) / 1000) * usual * 1.2;

function portsFor(world: World, kept: Kept): readonly Port[] {
  if (!kept.network.publishes) return [];
  const wanted = HOST_PORTS.filter(() => world.random.chance(0.2));
  return wanted.map((hostPort) => ({ hostPort, containerPort: 80, protocol: 'tcp' }));
}

export async function add(world: World, kept: Kept): Promise<void> {
  const { random, sandbox } = world;
  const list = conflistOf(kept.network, random, world.hasVlans);
  const ports = portsFor(world, kept);
  const killAfter = random.chance(0.25) ? moment(world) : undefined;
  const flushes = world.flushes;
  Object.assign(kept, { list, ports, flushes, state: 'unsure', result: undefined });
  const couldHold = rivalsOf(world, kept);
  const begin = performance.now();
  const chain = chainOf(sandbox, list);
  let result;
  const outcome = await outcomeOf(chain.add(callOf(kept, ports, killAfter)).then((answer) => (result = answer)));
  const label = `ADD ${labelOf(kept)} ${optionsOf(list)} ${ports.map(({ hostPort }) => hostPort).join(',')}`;
  if (outcome === undefined) {
    if (killAfter === undefined) world.usual = 0.8 * world.usual + (0.2 * (performance.now() - begin)) / 1000;
    Object.assign(kept, { state: 'up', result });
    note(world, label, `done ${addressesOf(result).join(' ')}`);
    assertAlone(world, kept);
  } else if (outcome === 'killed') note(world, label, 'killed');
  else {
    note(world, label, `refused ${outcome.text}`);
    const rivals = [...couldHold, ...rivalsOf(world, kept)];
    const isMeant =
      outcome.code === AGAIN ||
      (outcome.code === CONFLICT && rivals.length > 0) ||
      (outcome.code === EXHAUSTED && kept.network.name === 'small') ||
      // What was flushed under its hands it may refuse, but with an error of its own.
      (flushes !== world.flushes && outcome.code > 0);
    if (!isMeant) find(world, `ADD of ${labelOf(kept)} was refused without a reason: ${outcome.text}`);
  }
}

/** Attachments of other containers that may have one of the ports. */
const rivalsOf = (world: World, kept: Kept): readonly Kept[] =>
  attachmentsOf(world).filter(
    (other) => other.container !== kept.container && other.state !== 'none' && sharedPort(kept, other) !== undefined,
  );

const sharedPort = (one: Kept, other: Kept): Port | undefined =>
  one.ports.find(({ hostPort }) => other.ports.some((port) => port.hostPort === hostPort));

/** No two attachments have one address, no two containers one port. */
function assertAlone(world: World, kept: Kept): void {
  const mine = new Set(addressesOf(kept.result));
  for (const other of attachmentsOf(world)) {
    if (other === kept || other.state !== 'up') continue;
    const address = addressesOf(other.result).find((each) => mine.has(each));
    if (address !== undefined) find(world, `${labelOf(kept)} and ${labelOf(other)} have the address ${address}`);
    if (other.container === kept.container || !other.container.isAlive || other.flushes !== world.flushes) continue;
    if (kept.flushes !== world.flushes) continue;
    const port = sharedPort(kept, other);
    if (port !== undefined) find(world, `${labelOf(kept)} and ${labelOf(other)} have the port ${port.hostPort}`);
  }
}

export async function del(world: World, kept: Kept, mayBeKilled = true): Promise<boolean> {
  const { random, sandbox } = world;
  const list =
    random.chance(0.5) && kept.list !== undefined ? kept.list : conflistOf(kept.network, random, world.hasVlans);
  const killAfter = mayBeKilled && random.chance(0.25) ? moment(world) : undefined;
  const knows = random.chance(0.8);
  const chain = chainOf(sandbox, list);
  const call = { ...callOf(kept, knows ? kept.ports : [], killAfter), ...(knows ? {} : { netns: '' }) };
  if (knows && kept.result !== undefined) chain.keep(call, kept.result);
  kept.state = 'unsure';
  const outcome = await outcomeOf(chain.del(call));
  const label = `DEL ${labelOf(kept)}${knows ? '' : ' with nothing known'}`;
  if (outcome === undefined) {
    Object.assign(kept, { state: 'none', result: undefined, list: undefined, ports: [] });
    note(world, label, 'done');
  } else if (outcome === 'killed') note(world, label, 'killed');
  else {
    note(world, label, `failed ${outcome.text}`);
    if (outcome.code !== AGAIN) find(world, `DEL of ${labelOf(kept)} failed: ${outcome.text}`);
  }
  return outcome === undefined;
}

export async function check(world: World, kept: Kept): Promise<void> {
  const { list, result, flushes } = kept;
  if (list === undefined || result === undefined) return;
  const chain = chainOf(world.sandbox, list);
  const call = callOf(kept, kept.ports, undefined);
  chain.keep(call, result);
  const outcome = await outcomeOf(chain.check(call));
  const isBelieved = flushes === world.flushes;
  note(
    world,
    `CHECK ${labelOf(kept)}`,
    outcome === undefined ? 'done' : outcome === 'killed' ? 'killed' : `failed ${outcome.text}`,
  );
  if (outcome !== undefined && outcome !== 'killed' && isBelieved && outcome.code !== AGAIN) {
    find(world, `CHECK of ${labelOf(kept)}, which nobody touched: ${outcome.text}`);
  }
}

/** GC with what the runtime knows. What it does not list goes; the runtime's DEL may still follow. */
export async function gc(world: World, nothingIsValid = false): Promise<void> {
  for (const network of nothingIsValid ? NETWORKS : [world.random.pick(NETWORKS)]) {
    const kept = attachmentsOf(world).filter((each) => each.network === network && each.state === 'up');
    const valid = nothingIsValid ? [] : kept.filter(({ container }) => container.isAlive || world.random.chance(0.5));
    for (const each of kept.filter((one) => !valid.includes(one))) each.state = 'unsure';
    const chain = chainOf(world.sandbox, conflistOf(network, world.random, world.hasVlans));
    const listed = valid.map(({ container, ifName }) => ({ containerId: container.id, ifName }));
    const outcome = await outcomeOf(chain.gc(listed));
    const failed = outcome === undefined || outcome === 'killed' ? undefined : outcome.text;
    note(world, `GC ${network.name} ${listed.length}`, failed === undefined ? 'done' : `failed ${failed}`);
    if (failed !== undefined) find(world, `GC of ${network.name} failed: ${failed}`);
  }
}

export async function status(world: World): Promise<void> {
  const network = world.random.pick(NETWORKS);
  const outcome = await outcomeOf(chainOf(world.sandbox, conflistOf(network, world.random, world.hasVlans)).status());
  const failed = outcome === undefined || outcome === 'killed' ? undefined : outcome;
  note(world, `STATUS ${network.name}`, failed === undefined ? 'done' : `failed ${failed.text}`);
  // A pool that is used up is a reason: code 50.
  const isFull = failed?.code === 50 && network.name === 'small';
  if (failed !== undefined && !isFull && failed.code !== AGAIN)
    find(world, `STATUS of ${network.name}: ${failed.text}`);
}

const WAYS = [
  'nft flush ruleset',
  'for t in inet bridge; do nft delete table $t flatnet; done; true',
  'nft delete table inet flatnet_hostport; true',
  'for t in inet bridge; do nft flush table $t flatnet; done; true',
];

/** Rules are taken away, as a reload of a firewall does. */
export async function flush(world: World): Promise<void> {
  const way = world.random.pick(WAYS);
  world.flushes++;
  await world.sandbox.run('bash', ['-c', way]);
  world.flushes++;
  note(world, 'FLUSH', `done ${way}`);
}

const optionsOf = ({ plugins }: Conflist): string =>
  Object.entries(plugins[0]!)
    .filter(([key, value]) => value === true && key !== 'isDefaultGateway' && key !== 'hairpinMode')
    .map(([key]) => key)
    .join(',');
