/**
 * The reference plugins' names as links to our image, so that `podman network create` and conflists written for the reference use
 * flatnet. What has such a name already is kept beside it:
 *
 *   /usr/lib/cni/bridge                 -> /opt/cni/bin/flatnet
 *   /usr/lib/cni/bridge.before-flatnet  the reference plugin, with its old inode, owner and times
 */
import { linkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from '@flatnet/exec';
import type { CachedAttachment } from '../chain/cache.ts';
import { networkOfCached } from '../chain/attachment.ts';
import { readDirectory, removeFile } from '../conflist/directory.ts';
import { problem } from '../failure.ts';
import { attachmentsOf } from '../network/remove.ts';
import type { Places } from '../places.ts';
import { linkMark, markOf, type InstalledFile } from './record.ts';

/** The names that the image answers to in the reference's place; `firewall`, `tuning` and the others stay the reference's. */
export const DROP_IN_NAMES = ['bridge', 'host-local', 'portmap'] as const;

const SUFFIX = '.before-flatnet';

/** Where runtimes look first of all directories that matter: those with one of the names, and the one of our plugins. */
export const dropInDirectory = (searched: readonly string[], pluginDir: string): string =>
  searched.find(
    (directory) => directory === pluginDir || DROP_IN_NAMES.some((name) => isExecutable(join(directory, name))),
  ) ?? pluginDir;

/** The links to be, with the files that have their names now. `earlier` knows those that were set aside before. */
export function dropInFiles(
  directory: string,
  pluginDir: string,
  earlier: readonly InstalledFile[],
): readonly InstalledFile[] {
  const seen = new Map<string, string>();
  return DROP_IN_NAMES.map((name) => {
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

/** @throws OperatorError for a name that nothing can be kept aside of, or whose place aside is taken by somebody else. */
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

/** Living attachments of networks that name one of the replaced plugins: made by one implementation, they must not be ended by the other. */
export function usersOfNames({ netDir, cacheDir }: Places, names: readonly string[]): readonly CachedAttachment[] {
  return readDirectory(netDir).files.flatMap(({ network }) =>
    attachmentsOf(cacheDir, network.name).filter(
      (cached) =>
        cached.alive && (networkOfCached(cached) ?? network).plugins.some((plugin) => concerns(plugin, names)),
    ),
  );
}

function concerns(plugin: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  const ipam = plugin['ipam'];
  const types = [
    plugin['type'],
    typeof ipam === 'object' && ipam !== null ? new Map(Object.entries(ipam)).get('type') : '',
  ];
  return types.some((type) => typeof type === 'string' && names.includes(type));
}
