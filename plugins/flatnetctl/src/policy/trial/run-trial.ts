/** `policy test`: each wanted verdict of a list beside what a real packet comes to. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PortMapping } from '../../chain/port-mapping.ts';
import { getNetwork } from '../../conflist/directory.ts';
import { environment } from '../../failure.ts';
import { stopped, withInterrupts } from '../../interrupt.ts';
import type { Places } from '../../places.ts';
import { probe } from '../../selftest/namespaces.ts';
import type { World } from '../../world.ts';
import { laidOut } from './layout.ts';
import { openStage, type Cast, type Family, type Stage } from './stage.ts';
import { type Found, nameOf, standInsOf, type Wanted, type Wish, type WishEnd } from './wish.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface Tried {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly port: number;
  readonly published: boolean;
  readonly family: Family;
  readonly wanted: Wanted;
  readonly found: Found;
  readonly state: 'ok' | 'failed';
}

/** Host ports that are published, from here on. */
const FIRST_PORT = 20_000;
const WAIT_MS = 2_000;
const READY_MS = 20_000;
const AT_ONCE = 8;

/**
 * Whatever happens, also when it is interrupted, everything that it made is removed.
 *
 * @throws OperatorError where the networks cannot be laid out, or when it is interrupted.
 */
export function runTrial(world: World, places: Places, wishes: readonly Wish[]): Promise<readonly Tried[]> {
  const published = publishedBy(wishes);
  const standIns = standInsOf(wishes);
  const names = [...new Set(standIns.map(({ network }) => network))];
  const files = names.map((name) => getNetwork(places.netDir, name));
  const cast: Cast = {
    ...{ standIns, published },
    networks: (folder) => files.map((file) => laidOut(file, folder, places.cniPath)),
    outside: [...new Set(wishes.flatMap(({ from, to }) => [from, to]).flatMap(addressesOf))],
  };
  return withInterrupts(world, async (interrupted) => {
    const stage = await openStage(world, places, cast, interrupted);
    const end = new AbortController();
    const servers = serve(world, stage, wishes, end.signal);
    try {
      await Promise.all(servers.map(({ ready }) => isThere(ready, interrupted)));
      return await ask(world, stage, wishes, published, interrupted);
    } finally {
      end.abort();
      await Promise.all(servers.map(({ ended }) => ended));
      await stage.close();
    }
  });
}

const addressesOf = (end: WishEnd): readonly string[] =>
  end.kind === 'outside' && end.address !== undefined ? [end.address] : [];

function publishedBy(wishes: readonly Wish[]): ReadonlyMap<string, readonly PortMapping[]> {
  const published = new Map<string, readonly PortMapping[]>();
  let next = FIRST_PORT;
  for (const { to, port, protocol, isPublished } of wishes) {
    const own = published.get(nameOf(to)) ?? [];
    const isKnown = own.some((each) => each.containerPort === port && each.protocol === protocol);
    if (!isPublished || isKnown) continue;
    published.set(nameOf(to), [...own, { hostPort: next, containerPort: port, protocol }]);
    next += 1;
  }
  return published;
}

/** One server for each end that is asked, at all of its ports. */
function serve(world: World, stage: Stage, wishes: readonly Wish[], signal: AbortSignal) {
  const ends = new Map(wishes.map(({ to }) => [stage.netnsOf(to), to]));
  return [...ends.keys()].map((netns, index) => {
    const own = wishes.filter(({ to }) => stage.netnsOf(to) === netns);
    const ports = [...new Set(own.map(({ port, protocol }) => `${port}/${protocol}`))];
    const ready = join(stage.folder, `ready-${index}`);
    const addresses = stage.addressesIn(netns).flatMap((address) => ['--address', address]);
    const ended = probe(world, stage.folder, netns, ['listen', '--ready', ready, ...addresses, '--', ...ports], {
      signal,
    });
    return { ready, ended: ended.catch(() => undefined) };
  });
}

async function isThere(file: string, interrupted: AbortSignal): Promise<void> {
  for (let left = READY_MS; !existsSync(file); left -= 20) {
    if (interrupted.aborted) throw stopped();
    if (left <= 0) throw environment('a server of the test does not start', 'flatnetctl test');
    await sleep(20);
  }
}

async function ask(
  world: World,
  stage: Stage,
  wishes: readonly Wish[],
  published: ReadonlyMap<string, readonly PortMapping[]>,
  interrupted: AbortSignal,
): Promise<readonly Tried[]> {
  const questions = wishes.flatMap((wish) =>
    ([4, 6] as const).flatMap((family) => questionOf(stage, wish, family, published)),
  );
  const tried = new Map<number, Tried>();
  const waiting = [...questions.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (interrupted.aborted) throw stopped();
      tried.set(next[0], await askOne(world, stage, next[1], interrupted));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (interrupted.aborted) throw stopped();
  return questions.map((_, index) => tried.get(index) as Tried);
}

interface Question {
  readonly wish: Wish;
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

/** None where one of the ends has no address of the family. */
function questionOf(
  stage: Stage,
  wish: Wish,
  family: Family,
  published: ReadonlyMap<string, readonly PortMapping[]>,
): readonly Question[] {
  const { from, to, port, protocol, isPublished } = wish;
  const isReachable = stage.addressOf(to, family) !== undefined && stage.addressOf(from, family) !== undefined;
  const address = stage.addressOf(isPublished ? { kind: 'host' } : to, family, from);
  if (address === undefined || !isReachable) return [];
  if (!isPublished) return [{ wish, family, address, port }];
  const mapping = published
    .get(nameOf(to))
    ?.find((each) => each.containerPort === port && each.protocol === protocol) as PortMapping;
  return [{ wish, family, address, port: mapping.hostPort }];
}

async function askOne(world: World, stage: Stage, question: Question, signal: AbortSignal): Promise<Tried> {
  const { wish, family, address, port } = question;
  const { from, to, protocol, verdict: wanted } = wish;
  const source = from.kind === 'outside' ? ['--source', stage.addressOf(from, family) ?? ''] : [];
  const args = ['verdict', '--host', address, '--port', String(port), '--protocol', protocol, ...source];
  const result = await probe(world, stage.folder, stage.netnsOf(from), [...args, '--timeout', String(WAIT_MS)], {
    signal,
  });
  if (signal.aborted) throw stopped();
  const found = (['passes', 'refused', 'dropped'] as const).find((word) => word === result.stdout.trim());
  if (found === undefined) throw environment(`a packet cannot be sent: ${result.stderr.trim()}`, 'flatnetctl test');
  const isAsWanted = wanted === found || (wanted === 'blocked' && found !== 'passes');
  return {
    ...{ from: nameOf(from), to: nameOf(to), protocol, port: wish.port, published: wish.isPublished },
    ...{ family, wanted, found, state: isAsWanted ? 'ok' : 'failed' },
  };
}
