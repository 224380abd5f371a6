import { mkdirSync } from 'node:fs';
import { dirname, isAbsolute, normalize } from 'node:path';
import { errnoOf, StoreError } from './error.ts';
import type { Files } from './files.ts';
import { isSegmentFolder, networkFolder, segmentFolder } from './names.ts';

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
 *                                    /segment            the segment in which all addresses of `ip/` are claimed too
 *                        /sticky/<name hash>             addresses that a container name had: only a hint
 *     <dataDir>/=<segment>/b-<boot id>/ip/4-0a010005     hard link to the same record: taken for all networks on this bridge
 *                                     /freed/4-0a010005
 *                                     /lock/
 *
 * A generation is one boot. Containers do not survive their kernel, so leases of another boot are void without being looked at.
 */
export interface Layout extends AddressFolder {
  readonly dataDir: string;
  readonly bootId: string;
  readonly at: string;
  readonly tmp: string;
  readonly reclaimed: string;
  readonly adopted: string;
  readonly remembered: string;
  /** The segment that the network shares with others, where one is known. */
  readonly segment?: Segment;
}

/** Where addresses have a name: the folder of a network or of a segment. */
export interface AddressFolder {
  readonly folder: string;
  readonly generation: string;
  readonly ip: string;
  readonly cooling: string;
  readonly lock: string;
}

/** The addresses of all networks whose containers see each other's frames, and so each other's ARP. */
export interface Segment extends AddressFolder {
  /** What a record says: the name of the folder. */
  readonly name: string;
}

const GENERATION = 'b-';

/**
 * @param device the bridge (or parent interface) that the network shares with others, if any.
 * @throws StoreError `unsafe` for a dataDir that is not an absolute, normalised path.
 */
export const layoutOf = (dataDir: string, network: string, bootId: string, device?: string): Layout => {
  const plain = dataDir.length > 1 && dataDir.endsWith('/') ? dataDir.slice(0, -1) : dataDir;
  if (!isAbsolute(plain) || normalize(plain) !== plain || plain === '/' || plain.includes('\0')) {
    throw new StoreError('unsafe', 'dataDir must be an absolute path without "." and ".." parts', dataDir);
  }
  const addresses = addressFolder(plain, networkFolder(network), bootId);
  const { folder, generation } = addresses;
  return {
    ...addresses,
    dataDir: plain,
    bootId,
    at: `${generation}/at`,
    tmp: `${generation}/tmp`,
    reclaimed: `${generation}/reclaimed`,
    adopted: `${generation}/segment`,
    remembered: `${folder}/sticky`,
    ...(device === undefined ? {} : { segment: segmentNamed({ dataDir: plain, bootId }, segmentFolder(device)) }),
  };
};

const addressFolder = (dataDir: string, name: string, bootId: string): AddressFolder => {
  const folder = `${dataDir}/${name}`;
  const generation = `${folder}/${GENERATION}${bootId}`;
  return { folder, generation, ip: `${generation}/ip`, cooling: `${generation}/freed`, lock: `${generation}/lock` };
};

type Boot = Pick<Layout, 'dataDir' | 'bootId'>;

/** The segment in a folder of this name, which `segmentFolder` gave. */
export const segmentNamed = ({ dataDir, bootId }: Boot, name: string): Segment => ({
  ...addressFolder(dataDir, name, bootId),
  name,
});

/** All segments of the store, for calls that look for names that no record tells. */
export const segmentsOf = (files: Files, boot: Boot): readonly Segment[] =>
  files
    .list(boot.dataDir)
    .filter(isSegmentFolder)
    .map((name) => segmentNamed(boot, name));

const foldersOf = ({ dataDir, folder, generation, ip, at, tmp }: Layout): readonly string[] => [
  ...[dataDir, folder, generation, ip, at, tmp],
];

const segmentFoldersOf = ({ segment }: Layout): readonly string[] =>
  segment === undefined ? [] : [segment.folder, segment.generation, segment.ip];

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
  if (!exists(files, layout)) {
    // Folders above dataDir are shared with others (/run/cni), so they get the usual mode.
    mkdirSync(dirname(layout.dataDir), { recursive: true, mode: 0o755 });
    for (const path of foldersOf(layout)) ensureFolder(files, path);
  }
  for (const path of segmentFoldersOf(layout)) if (!isOurs(files, path)) ensureFolder(files, path);
};

/** Makes one folder; another process having made it is as good. */
export const ensureFolder = (files: Files, path: string): void => {
  try {
    files.mkdir(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !isOurs(files, path)) throw error;
  }
};

/**
 * Removes up to `budget` entries of generations of other boots. No process uses those any more, so any number of processes may do it
 * at once; the limit keeps the first containers after a boot from paying for 65,000 files.
 */
export const collectOldGenerations = (
  files: Files,
  { folder, generation }: AddressFolder,
  budget = Number.MAX_SAFE_INTEGER,
): void => {
  const current = generation.slice(folder.length + 1);
  for (const name of files.list(folder)) {
    if (!name.startsWith(GENERATION) || name === current) continue;
    try {
      budget = removeSome(files, `${folder}/${name}`, budget);
    } catch {
      // This is housekeeping: the next call goes on with it.
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
