import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '@flatnet/testing';
import { containerOf, type Container, type Kept } from './attachment.ts';
import { NETWORKS } from './networks.ts';
import type { Random } from './random.ts';
import { turnstile, type Turnstile } from './turnstile.ts';

/** The host, and what its runtime knows. */
export interface World {
  readonly sandbox: Sandbox;
  readonly random: Random;
  readonly containers: readonly Container[];
  readonly turnstile: Turnstile;
  readonly hasVlans: boolean;
  /** How often rules were taken away. */
  flushes: number;
  /** The usual length of a call of a chain, in seconds: kills are spread over it. */
  usual: number;
  /** How often each thing was done. */
  readonly done: Map<string, number>;
  /** What must not be: empty at the end. */
  readonly findings: string[];
  /** One line per operation. */
  readonly trace: string[];
}

const CONTAINERS = 6;
/** The machine beyond the host knows the host's address, and no container network. */
export const HOST_ADDRESS = '192.0.2.1';
export const OUTSIDE_ADDRESS = '192.0.2.2';
export const OUTSIDE = 'outside';

export async function worldOf(sandbox: Sandbox, random: Random): Promise<World> {
  await sandbox.addNetns(OUTSIDE);
  const script = `
    ip link add up0 type veth peer name eth0 netns ${OUTSIDE}
    ip address add ${HOST_ADDRESS}/24 dev up0; ip link set up0 up
    ip -n ${OUTSIDE} address add ${OUTSIDE_ADDRESS}/24 dev eth0; ip -n ${OUTSIDE} link set eth0 up
    while ip -6 address | grep -q tentative; do sleep 0.05; done`;
  await sandbox.must('bash', ['-ec', script]);
  const vlans = await sandbox.run('bash', [
    '-c',
    'ip link add v0 type bridge vlan_filtering 1; e=$?; ip link delete v0; exit $e',
  ]);
  return {
    ...{ sandbox, random, turnstile: turnstile(), hasVlans: vlans.exitCode === 0 },
    containers: Array.from({ length: CONTAINERS }, (_, index) => containerOf(`c${index}`, NETWORKS)),
    ...{ flushes: 0, usual: 0.3, done: new Map<string, number>(), findings: [], trace: [] },
  };
}

export function note(world: World, what: string, outcome: string): void {
  const kind = `${what.split(' ')[0]} ${outcome.split(/[ :]/)[0]}`;
  world.done.set(kind, (world.done.get(kind) ?? 0) + 1);
  world.trace.push(`${(performance.now() / 1000).toFixed(2)} ${what}: ${outcome}`);
}

export function find(world: World, what: string): void {
  world.findings.push(what);
  world.trace.push(`${(performance.now() / 1000).toFixed(2)} FOUND ${what}`);
}

export const attachmentsOf = (world: World): readonly Kept[] =>
  world.containers.flatMap(({ attachments }) => attachments);

/** Makes the namespace of a container, with a page in it that says which container it is. */
export async function start(world: World, container: Container): Promise<void> {
  const { sandbox } = world;
  await sandbox.addNetns(container.id);
  const folder = join(sandbox.folder, `www-${container.id}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.html'), container.id);
  const served = await sandbox.inNetns(container.id, 'busybox', ['httpd', '-p', '[::]:80', '-h', folder]);
  if (served.exitCode !== 0) throw new Error(`httpd: ${served.stderr}`);
  container.isAlive = true;
}

/** Ends a container with all its processes, as the kernel does; its runtime may call DEL afterwards. */
export async function end(world: World, { id }: Container): Promise<void> {
  await world.sandbox.run('bash', ['-c', `ip netns pids ${id} | xargs -r kill -KILL; ip netns delete ${id}`]);
}
