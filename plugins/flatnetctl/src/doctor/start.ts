/**
 * How long plugins take to start: a chain starts each of them, and a container waits for all. A warning at most, since a busy machine
 * is slow too. flatnetctl is the same image as the plugins of its installation, so its own start has warmed those up already; other
 * installations and other people's plugins it finds as a container would.
 */
import { readFileSync, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { ToolError } from '@flatnet/exec';
import { findExecutable } from '../chain/find-executable.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { ipamOf, type Network } from '../conflist/model.ts';
import { OperatorError } from '../failure.ts';
import { PLUGIN_NAMES } from '../install/install.ts';
import type { World } from '../world.ts';
import { ok, warning, type Check, type Finding } from './finding.ts';

/** Two starts of one executable, one right after the other, in milliseconds. */
export interface Starts {
  readonly path: string;
  readonly first: number;
  readonly second: number;
}

/** A start that had to read its file from a disk is both: many times the next one, and longer than a machine's hiccup. */
const COLD_TIMES = 5;
const COLD_MORE_MS = 500;
/** Twenty times what a small machine needs with its file in memory. */
const SLOW_MS = 1000;

/** What two starts say; undefined when nothing is wrong. `disk`: where the file is, in words. */
export function judgeStart({ path, first, second }: Starts, disk: string): Finding | undefined {
  const took = (ms: number): string => `${Math.round(ms)} ms`;
  if (second > SLOW_MS) {
    const reason = `${path} takes ${took(second)} to start, also with its file in memory; it is on ${disk}`;
    return warning('start', reason, 'look at the load (uptime, vmstat 1), or install it on a faster disk');
  }
  if (first > COLD_TIMES * second && first - second > COLD_MORE_MS) {
    const reason = `${path} was not in the page cache: ${took(first)} to start, then ${took(second)}; it is on ${disk}`;
    return warning('start', reason, 'give the machine more memory, or install it on a faster disk');
  }
  return undefined;
}

/** The file system that holds a path, by the text of /proc/self/mountinfo: "/dev/vda1 (ext4, mounted on /)". */
export function diskOf(path: string, mountinfo: string): string {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const point = left.split(' ')[4]?.replaceAll('\\040', ' ');
    const [type, source] = right.split(' ');
    return point === undefined || source === undefined
      ? []
      : [{ point, words: `${source} (${type}, mounted on ${point})` }];
  });
  const holds = ({ point }: { point: string }): boolean =>
    path === point || path.startsWith(point.replace(/\/?$/, '/'));
  // Of mounts on one point the last one is what is seen.
  const longest = Math.max(...mounts.filter(holds).map(({ point }) => point.length));
  return mounts.findLast((mount) => holds(mount) && mount.point.length === longest)?.words ?? 'an unknown disk';
}

/** Each image once, whatever its names. */
export const starts: Check = async (world, { netDir, driverDirs, cniPath }) => {
  const types = [
    ...PLUGIN_NAMES,
    ...networksOf({ netDir, driverDirs }).files.flatMap(({ network }) => typesOf(network)),
  ];
  const images = new Map([...new Set(types)].flatMap((type) => imageOf(type, cniPath)));
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
  const measured: Starts[] = [];
  // One after the other: at once they would wait for each other.
  for (const path of images.values()) measured.push(...(await startTwice(world, path)));
  if (measured.length === 0) return [];
  const troubles = measured.flatMap((each) => judgeStart(each, diskOf(each.path, mountinfo)) ?? []);
  const slowest = Math.max(...measured.map(({ first }) => first));
  return troubles.length > 0 ? troubles : [ok('start', `no plugin takes more than ${Math.ceil(slowest)} ms`)];
};

const typesOf = (network: Network): readonly string[] => {
  const ipam = ipamOf(network)['type'];
  return [...network.plugins.map(({ type }) => type), ...(typeof ipam === 'string' && ipam !== '' ? [ipam] : [])];
};

/** What is not installed is the trouble of other checks. */
function imageOf(type: string, cniPath: readonly string[]): readonly (readonly [string, string])[] {
  try {
    const path = findExecutable(type, cniPath);
    const { dev, ino } = statSync(path);
    return [[`${dev}:${ino}`, path]];
  } catch (error) {
    if (error instanceof OperatorError || (error instanceof Error && 'code' in error)) return [];
    throw error;
  }
}

/** What cannot be executed at all is the trouble of other checks too. */
async function startTwice(world: World, path: string): Promise<readonly Starts[]> {
  try {
    return [{ path, first: await start(world, path), second: await start(world, path) }];
  } catch (error) {
    if (error instanceof ToolError) return [];
    throw error;
  }
}

/** VERSION, which every plugin answers and which changes nothing. */
async function start({ run }: World, path: string): Promise<number> {
  const before = performance.now();
  await run(path, [], { env: { CNI_COMMAND: 'VERSION' }, input: '{"cniVersion":"1.0.0"}', timeoutMs: 20_000 });
  return performance.now() - before;
}
