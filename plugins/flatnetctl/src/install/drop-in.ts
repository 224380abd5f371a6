/**
 * The reference plugins' names as links to our image, so that `podman network create` and conflists written for the reference use
 * flatnet. What has such a name already is kept beside it:
 *
 *   /usr/lib/cni/bridge                 -> /opt/cni/bin/flatnet
 *   /usr/lib/cni/bridge.before-flatnet  the reference plugin, with its old inode, owner and times
 */
import { linkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { findTool, isExecutable } from '@flatnet/exec';
import { networkOfCached } from '../chain/attachment.ts';
import { listCached } from '../chain/cache.ts';
import { hostEndsOfFlatnet } from '../chain/host-ends.ts';
import { readDirectory, removeFile } from '../conflist/directory.ts';
import { problem } from '../failure.ts';
import { isAlive } from '../network/remove.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { DROP_IN_NAMES } from './drop-in-names.ts';
import { linkMark, markOf, type InstalledFile } from './record.ts';

const SUFFIX = '.before-flatnet';

/** Where runtimes look first of all directories that matter: those with one of the names, and the one of our plugins. */
export const dropInDirectory = (searched: readonly string[], pluginDir: string): string =>
  searched.find(
    (directory) => directory === pluginDir || DROP_IN_NAMES.some((name) => isExecutable(join(directory, name))),
  ) ?? pluginDir;

/**
 * The names to take. Podman puts `dnsname` into each network that it creates, once there is one: without dnsmasq no container of it would
 * start.
 */
export const namesToTake = (): readonly string[] =>
  DROP_IN_NAMES.filter((name) => name !== 'dnsname' || findTool('dnsmasq') !== undefined);

/** The links to be, with the files that have their names now. `earlier` knows those that were set aside before. */
export function dropInFiles(
  directory: string,
  pluginDir: string,
  earlier: readonly InstalledFile[],
): readonly InstalledFile[] {
  const seen = new Map<string, string>();
  return namesToTake().map((name) => {
    const path = join(directory, name);
    const target = directory === pluginDir ? 'flatnet' : join(pluginDir, 'flatnet');
    const mark = linkMark(target);
    const now = markOf(path, seen);
    const known = earlier.find((file) => file.path === path);
    // A package upgrade may have put a newer reference plugin in our link's place: that one is kept then.
    const isOurs = now === mark || (known !== undefined && now === known.mark);
    const aside = now === undefined || isOurs ? known?.aside : { path: `${path}${SUFFIX}`, mark: now };
    return { path, mark, ...(aside === undefined ? {} : { aside }) };
  });
}

/** @throws OperatorError for a name that nothing can be kept aside of, or whose place aside is taken by another file. */
export function refuseWhatCannotStepAside(files: readonly InstalledFile[], earlier: readonly InstalledFile[]): void {
  for (const { path, aside } of files) {
    if (aside === undefined) continue;
    if (aside.mark === 'not a file') throw problem(`${path} is not a file`, `look at ${path}`);
    const there = markOf(aside.path);
    const own = earlier.some((file) => file.aside?.path === aside.path);
    if (there !== undefined && there !== aside.mark && !own) {
      throw problem(`${aside.path} exists, and is not what ${path} is now`, `look at ${aside.path}, and move it away`);
    }
  }
}

/** Keeps what is at `path` under its second name. `path` itself stays until the link is renamed onto it: it is never missing. */
export function stepAside({ path, mark, aside }: InstalledFile): void {
  const now = markOf(path);
  if (aside === undefined || now === undefined || now === mark || now !== aside.mark) return;
  const temporary = `${aside.path}.${process.pid}.new`;
  linkSync(path, temporary);
  renameSync(temporary, aside.path);
  // rename() of two links of one file does nothing and leaves both (POSIX).
  removeFile(temporary);
}

/**
 * Containers with an interface of one of the plugins, in words: what one implementation made, the other must not end. By the records, which
 * tell also where a network's file is gone, and for our own names by the host ends, which stand where no record is left.
 *
 * @throws ToolError
 */
export async function usersOfNames(
  world: World,
  { netDir, cacheDir }: Places,
  names: readonly string[],
): Promise<readonly string[]> {
  const configured = new Map(readDirectory(netDir).files.map(({ network }) => [network.name, network]));
  const recorded = listCached(cacheDir).filter((cached) => {
    const network = networkOfCached(cached) ?? configured.get(cached.network);
    return isAlive(cached) && network?.plugins.some((plugin) => concerns(plugin, names));
  });
  const ends = names.includes('flatnet') ? hostEndsOfFlatnet(world) : [];
  const words = (containerId: string, network: string): string => `${containerId.slice(0, 23)} on ${network}`;
  return [
    ...new Set([
      ...recorded.map(({ containerId, network }) => words(containerId, network)),
      ...ends.map(({ name, owner }) =>
        owner === undefined ? `the one of ${name}` : words(owner.attachment.containerId, owner.network),
      ),
    ]),
  ];
}

function concerns(plugin: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  const ipam = plugin['ipam'];
  const types = [
    plugin['type'],
    typeof ipam === 'object' && ipam !== null ? new Map(Object.entries(ipam)).get('type') : '',
  ];
  return types.some((type) => typeof type === 'string' && names.includes(type));
}
