/**
 * The throw-away surroundings of a test, all named after the process that makes them:
 *
 *   flatnet-test-PID-a, -b     the two "containers"
 *   flatnet-test-PID-out       the outside world: 198.51.100.2 behind the link flt-PID-o, which knows no route to any container
 *   fltPID                     the network, when none is named; its files are in a temporary folder
 *
 * What a killed test left is removed by the next one.
 */
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '@flatnet/addressing';
import { linkExists } from '@flatnet/kernel';
import { isRunning } from '@flatnet/store';
import type { RunResult } from '@flatnet/exec';
import { environment, problem } from '../failure.ts';
import { stopped } from '../interrupt.ts';
import { takenSubnets } from '../network/taken-subnets.ts';
import type { World } from '../world.ts';

export interface Lab {
  /** Temporary folder: configuration, cache and leases of the test. */
  readonly folder: string;
  /** Paths of the two containers' namespaces. */
  readonly a: string;
  readonly b: string;
  readonly outside: string;
  /** Makes the link to the outside world. @throws OperatorError */
  connectOutside(family: 4 | 6): Promise<OutsideLink>;
  /** Runs this program, as `flatnetctl probe …`, in a namespace. */
  probe(netns: string, args: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<RunResult>;
  close(): Promise<void>;
}

export interface OutsideLink {
  /** Address of the host, and of the world behind it. */
  readonly host: string;
  readonly world: string;
}

const PREFIX = 'flatnet-test-';
const NETNS_DIR = '/run/netns';

/** Blocks for documentation (RFC 5737, RFC 3849): no service is there. */
const OUTSIDE = {
  4: ['198.51.100.1/30', '203.0.113.1/30', '192.0.2.1/30'],
  6: ['2001:db8:f1a7::1/126', '2001:db8:f1a8::1/126'],
} as const;

/** @throws OperatorError when namespaces cannot be made. */
export async function openLab(world: World, interrupted: AbortSignal): Promise<Lab> {
  await removeLeftovers(world);
  const folder = mkdtempSync(join(tmpdir(), 'flatnetctl-test-'));
  const name = (part: string): string => `${PREFIX}${process.pid}-${part}`;
  const lab: Lab = {
    folder,
    a: `${NETNS_DIR}/${name('a')}`,
    b: `${NETNS_DIR}/${name('b')}`,
    outside: `${NETNS_DIR}/${name('out')}`,
    connectOutside: (family) => connectOutside(world, family, name('out')),
    probe: (netns, args, options = {}) => probe(world, folder, netns, args, options),
    close: () => removeNamespaces(world, String(process.pid), folder),
  };
  try {
    for (const part of ['a', 'b', 'out']) {
      if (interrupted.aborted) throw stopped();
      await must(world, ['netns', 'add', name(part)]);
      await must(world, ['-n', name(part), 'link', 'set', 'dev', 'lo', 'up']);
    }
    return lab;
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function must(world: World, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await world.run('ip', args);
  if (exitCode === 0) return;
  const next = /permitted|denied/i.test(stderr) ? 'run it as root' : 'flatnetctl doctor';
  throw environment(`ip ${args.join(' ')}: ${stderr.trim()}`, next);
}

const uplinkOf = (pid: string): string => `flt-${pid}-o`;

async function connectOutside(world: World, family: 4 | 6, netns: string): Promise<OutsideLink> {
  const taken = takenSubnets(world.kernel, { netDir: '/nonexistent', driverDirs: [] });
  const host = OUTSIDE[family].map(parseCidr).find((cidr) => !taken.some(({ subnet }) => subnet.overlaps(cidr)));
  if (host === undefined) throw problem('the host routes every documentation address', 'ip route');
  const [uplink, far] = [uplinkOf(String(process.pid)), host.ip.plus(1n)];
  const nodad = family === 6 ? ['nodad'] : [];
  await must(world, ['link', 'add', 'name', uplink, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns]);
  await must(world, ['address', 'add', String(host), 'dev', uplink, ...nodad]);
  await must(world, ['link', 'set', 'dev', uplink, 'up']);
  await must(world, ['-n', netns, 'address', 'add', `${far}/${host.prefix}`, 'dev', 'eth0', ...nodad]);
  await must(world, ['-n', netns, 'link', 'set', 'dev', 'eth0', 'up']);
  return { host: String(host.ip), world: String(far) };
}

/** The image answers to its name only, so it gets a link with that name. */
function probe(
  world: World,
  folder: string,
  netns: string,
  args: readonly string[],
  options: { readonly signal?: AbortSignal },
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

/** A program in the network namespace at `netns`. */
export const enter = (
  netns: string,
  file: string,
  args: readonly string[],
): readonly [file: string, args: readonly string[]] => ['nsenter', [`--net=${netns}`, '--', file, ...args]];

/** The host's address on the link to the outside world; undefined where there is none of the family. */
export function addressOfUplink({ kernel }: World, family: 4 | 6): string | undefined {
  const uplink = uplinkOf(String(process.pid));
  if (!linkExists(kernel, uplink)) return undefined;
  return kernel.rtnetlink.listAddresses(uplink).find((each) => each.family === family)?.address;
}

/** Ends the namespaces of a test, its uplink and its folder; what is gone already is no failure. */
async function removeNamespaces(world: World, pid: string, folder?: string): Promise<void> {
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

async function removeLeftovers(world: World): Promise<void> {
  for (const pid of new Set(pidsOfLeftovers())) {
    if (isRunning(Number(pid))) continue;
    await removeNamespaces(world, pid);
    await world.run('ip', ['link', 'delete', 'dev', `fl-${networkOf(pid)}`, 'type', 'bridge']);
  }
}

/** The name of the network that a test without `--network` makes. */
export const networkOf = (pid: string | number): string => `flt${pid}`;

function pidsOfLeftovers(): readonly string[] {
  try {
    return readdirSync(NETNS_DIR).flatMap((name) => /^flatnet-test-([1-9]\d*)-/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}
