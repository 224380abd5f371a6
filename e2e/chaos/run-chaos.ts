import { setTimeout as sleep } from 'node:timers/promises';
import { findLeaks, takeInventory, type Sandbox } from '@flatnet/testing';
import type { Container } from './attachment.ts';
import { add, check, del, flush, gc, status } from './operations.ts';
import { randomOf } from './random.ts';
import { sample } from './traffic.ts';
import { end, find, note, start, worldOf, type World } from './world.ts';

const MOST_WORKERS = 6;
/** On a machine that stands still the run goes on until something was done, at most this much longer. */
const MOST_EXTRA_MS = 90_000;
const ENOUGH = 3;

/** How a run ended. */
export interface Report {
  /** What must not be: empty if all is well. */
  readonly findings: readonly string[];
  /** How often what was done, with which outcome: "ADD done", "DEL killed". */
  readonly done: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
}

/** Calls verbs at random for so many seconds, takes everything down, and looks at what is left. */
export async function runChaos(sandbox: Sandbox, seed: number, seconds: number): Promise<Report> {
  const world = await worldOf(sandbox, randomOf(seed));
  const before = await takeInventory(sandbox);
  const until = Date.now() + seconds * 1000;
  const isOver = (): boolean => Date.now() >= (isEnough(world) ? until : until + MOST_EXTRA_MS);
  await Promise.all(Array.from({ length: MOST_WORKERS }, (_, index) => worker(world, index, isOver)));
  await takeDown(world);
  for (const leak of await findLeaks(sandbox, before)) find(world, leak);
  return world;
}

const isEnough = ({ done }: World): boolean =>
  ['ADD done', 'DEL done'].every((kind) => (done.get(kind) ?? 0) >= ENOUGH);

/** How many work at once changes every two seconds, from one to all. */
const isOff = (world: World, index: number): boolean =>
  index > (Math.floor(Date.now() / 2000) * 7 + world.random.seed) % MOST_WORKERS;

async function worker(world: World, index: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const container = world.random.pick(world.containers);
    if (container.isBusy || isOff(world, index)) {
      await sleep(20);
      continue;
    }
    container.isBusy = true;
    try {
      await operate(world, container);
    } finally {
      container.isBusy = false;
    }
  }
}

async function operate(world: World, container: Container): Promise<void> {
  const { random, turnstile } = world;
  const kept = random.pick(container.attachments);
  const dice = random.integer(1, 100);
  if (dice <= 1) return flush(world);
  if (dice <= 5) return turnstile.alone(() => gc(world));
  if (dice <= 8) return status(world);
  if (container.attachments.every(({ state }) => state === 'none') && !container.isAlive)
    return start(world, container);
  if (dice <= 11 && container.isAlive) {
    container.isAlive = false;
    await end(world, container);
    return note(world, `END ${container.id}`, 'done');
  }
  if (kept.state === 'none') {
    if (container.isAlive) await turnstile.shared(() => add(world, kept));
    return;
  }
  if (kept.state === 'unsure' || !container.isAlive || dice <= 35) {
    await turnstile.shared(() => del(world, kept));
    return;
  }
  await turnstile.shared(() => (dice <= 65 ? check(world, kept) : sample(world, kept)));
}

async function deleteAll(world: World, container: Container): Promise<void> {
  for (const kept of container.attachments.filter(({ state }) => state !== 'none')) {
    for (let tries = 0; tries < 5 && !(await del(world, kept, false)); tries++);
    if (kept.state !== 'none') find(world, `${container.id}/${kept.network.name} cannot be deleted`);
  }
  await end(world, container);
}

/** As a runtime: DEL is repeated until it succeeds; then the containers end, and a GC finds nothing valid. */
async function takeDown(world: World): Promise<void> {
  await Promise.all(world.containers.map((container) => deleteAll(world, container)));
  await gc(world, true);
  await world.sandbox.idle();
}
