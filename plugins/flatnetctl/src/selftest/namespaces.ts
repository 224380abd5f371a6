/**
 * Throw-away network namespaces, named after the process that makes them: flatnet-test-PID-PART. What a killed process left is removed by
 * the next one.
 */
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@flatnet/exec';
import { isRunning } from '@flatnet/store';
import { environment } from '../failure.ts';
import { stopped } from '../interrupt.ts';
import type { World } from '../world.ts';

const PREFIX = 'flatnet-test-';
const NETNS_DIR = '/run/netns';

export const nameOfNetns = (part: string): string => `${PREFIX}${process.pid}-${part}`;
export const pathOfNetns = (part: string): string => `${NETNS_DIR}/${nameOfNetns(part)}`;

/** Makes one for each part, with its loopback up. @throws OperatorError; those that it made stay. */
export async function addNamespaces(world: World, parts: readonly string[], interrupted: AbortSignal): Promise<void> {
  for (const part of parts) {
    if (interrupted.aborted) throw stopped();
    await mustIp(world, ['netns', 'add', nameOfNetns(part)]);
    await mustIp(world, ['-n', nameOfNetns(part), 'link', 'set', 'dev', 'lo', 'up']);
  }
}

/** @throws OperatorError with the words of ip(8). */
export async function mustIp(world: World, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await world.run('ip', args);
  if (exitCode === 0) return;
  const next = /permitted|denied/i.test(stderr) ? 'run it as root' : 'flatnetctl doctor';
  throw environment(`ip ${args.join(' ')}: ${stderr.trim()}`, next);
}

/** A program in the network namespace at `netns`. */
export const enter = (
  netns: string,
  file: string,
  args: readonly string[],
): readonly [file: string, args: readonly string[]] => ['nsenter', [`--net=${netns}`, '--', file, ...args]];

/**
 * Runs this program, as `flatnetctl probe …`, in a namespace. The image answers to its name only, so it gets a link with that name.
 *
 * @param folder where the link is.
 */
export function probe(
  world: World,
  folder: string,
  netns: string,
  args: readonly string[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<RunResult> {
  const self = join(folder, 'flatnetctl');
  try {
    symlinkSync(process.execPath, self);
  } catch {
    // It is there since the first probe.
  }
  const program = 'bun' in process.versions ? [] : [process.argv[1] ?? ''];
  const [file, words] = enter(netns, self, [...program, 'probe', ...args]);
  return world.run(file, words, { timeoutMs: 120_000, ...options });
}

export const uplinkOf = (pid: string): string => `flt-${pid}-o`;

/** The name of the network that a test without `--network` makes. */
export const networkOf = (pid: string | number): string => `flt${pid}`;

/** Ends the namespaces of a process, its uplink and its folder; what is gone already is no failure. */
export async function removeNamespaces(world: World, pid: string, folder?: string): Promise<void> {
  for (const name of namespacesOf(pid)) await world.run('ip', ['netns', 'delete', name]);
  await world.run('ip', ['link', 'delete', 'dev', uplinkOf(pid)]);
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

const namespacesOf = (pid: string): readonly string[] => {
  try {
    return readdirSync(NETNS_DIR).filter((name) => name.startsWith(`${PREFIX}${pid}-`));
  } catch {
    return [];
  }
};

export async function removeLeftovers(world: World): Promise<void> {
  for (const pid of new Set(pidsOfLeftovers())) {
    if (isRunning(Number(pid))) continue;
    await removeNamespaces(world, pid);
    await world.run('ip', ['link', 'delete', 'dev', `fl-${networkOf(pid)}`, 'type', 'bridge']);
  }
}

function pidsOfLeftovers(): readonly string[] {
  try {
    return readdirSync(NETNS_DIR).flatMap((name) => /^flatnet-test-([1-9]\d*)-/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}
