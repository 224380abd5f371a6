import { mkdirSync } from 'node:fs';
import { dirname, isAbsolute, normalize } from 'node:path';
import { errnoOf, StoreError } from './error.ts';
import type { Files } from './files.ts';
import { networkFolder } from './names.ts';

/**
 * Where things are:
 *
 *     <dataDir>/<network>/b-<boot id>/ip/4-0a010005      hard link to the record of the lease that has the address
 *                                    /at/<id>:<if>/lease a committed lease: the record in the directory of its attachment
 *                                    /tmp/<owner>~<n>/   a lease that <owner> is making or removing
 *                                    /freed/4-0a010005   released under `cooldown`; mtime = seconds since boot
 *                                    /cur.<pool hash>    last address given from a pool: only a hint
 *                                    /lock/              held by GC, import, and the removal of orphans
 *                                    /reclaimed          mtime = seconds since boot of the last search for orphans by an ADD
 *                        /sticky/<name hash>             addresses that a container name had: only a hint
 *
 * A generation is one boot. Containers do not survive their kernel, so leases of another boot are void without being looked at.
 */
export interface Layout {
  readonly dataDir: string;
  readonly network: string;
  readonly generation: string;
  readonly ip: string;
  readonly at: string;
  readonly tmp: string;
  readonly freed: string;
  readonly lock: string;
  readonly reclaimed: string;
  readonly sticky: string;
}

const GENERATION = 'b-';

/** @throws StoreError `unsafe` for a dataDir that is not an absolute, normalised path. */
export const layoutOf = (dataDir: string, network: string, bootId: string): Layout => {
  const plain = dataDir.length > 1 && dataDir.endsWith('/') ? dataDir.slice(0, -1) : dataDir;
  if (!isAbsolute(plain) || normalize(plain) !== plain || plain === '/' || plain.includes('\0')) {
    throw new StoreError('unsafe', 'dataDir must be an absolute path without "." and ".." parts', dataDir);
  }
  const folder = `${plain}/${networkFolder(network)}`;
  const generation = `${folder}/${GENERATION}${bootId}`;
  return {
    dataDir: plain,
    network: folder,
    generation,
    ip: `${generation}/ip`,
    at: `${generation}/at`,
    tmp: `${generation}/tmp`,
    freed: `${generation}/freed`,
    lock: `${generation}/lock`,
    reclaimed: `${generation}/reclaimed`,
    sticky: `${folder}/sticky`,
  };
};

const foldersOf = (layout: Layout): readonly string[] => [
  layout.dataDir,
  layout.network,
  layout.generation,
  layout.ip,
  layout.at,
  layout.tmp,
];

/**
 * Whether the store of this boot exists. Looks at every folder before it is used, so that nothing is followed out of the store.
 *
 * @throws StoreError `unsafe` when a folder is a file, a symlink, of another user, or writable for others.
 */
export const exists = (files: Files, layout: Layout): boolean => foldersOf(layout).every((path) => isOurs(files, path));

const WRITABLE_FOR_OTHERS = 0o022n;

const isOurs = (files: Files, path: string): boolean => {
  const facts = files.lstat(path);
  if (facts === undefined) return false;
  if (facts.kind !== 'directory')
    throw new StoreError('unsafe', 'is not a directory (symlinks are not followed)', path);
  if (Number(facts.uid) !== process.geteuid?.()) throw new StoreError('unsafe', `belongs to user ${facts.uid}`, path);
  if ((facts.mode & WRITABLE_FOR_OTHERS) !== 0n)
    throw new StoreError('unsafe', 'is writable for group or others', path);
  return true;
};

/** Makes what is missing of the store. Any number of processes may do this at once. */
export const ensure = (files: Files, layout: Layout): void => {
  if (exists(files, layout)) return;
  // Folders above dataDir are shared with others (/run/cni), so they get the usual mode.
  mkdirSync(dirname(layout.dataDir), { recursive: true, mode: 0o755 });
  for (const path of foldersOf(layout)) ensureFolder(files, path);
};

/** Makes one folder; somebody else having made it is as good. */
export const ensureFolder = (files: Files, path: string): void => {
  try {
    files.mkdir(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !isOurs(files, path)) throw error;
  }
};

/**
 * Removes up to `budget` entries of generations of other boots. Nobody uses those any more, so any number of processes may do it
 * at once; the limit keeps the first containers after a boot from paying for 65,000 files.
 */
export const purgeOldGenerations = (files: Files, layout: Layout, budget: number): void => {
  const current = layout.generation.slice(layout.network.length + 1);
  for (const name of files.list(layout.network)) {
    if (!name.startsWith(GENERATION) || name === current) continue;
    try {
      budget = removeSome(files, `${layout.network}/${name}`, budget);
    } catch {
      // A purge is housekeeping: the next call goes on with it.
    }
    if (budget <= 0) return;
  }
};

/** Removes at most `budget` entries of a tree, and its root if it became empty; answers what is left of the budget. */
const removeSome = (files: Files, path: string, budget: number): number => {
  if (files.lstat(path)?.kind !== 'directory') {
    files.unlink(path);
    return budget - 1;
  }
  for (const name of files.list(path)) {
    if (budget <= 0) return 0;
    budget = removeSome(files, `${path}/${name}`, budget);
  }
  if (budget > 0) files.rmdir(path);
  return budget - 1;
};
