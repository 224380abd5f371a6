import { chmodSync, copyFileSync, constants, linkSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from '@flatnet/exec';
import { removeFile } from '../conflist/directory.ts';
import { environment, problem, refused } from '../failure.ts';
import { dropInFiles, refuseWhatCannotStepAside, stepAside } from './drop-in.ts';
import { dropRecord, linkMark, markOf, readRecord, writeRecord, type InstalledFile } from './record.ts';
import { takeAway } from './uninstall.ts';

export const PLUGIN_NAMES = [
  'flatnet',
  'flatnet-ipam',
  'flatnet-portmap',
  'flatnet-bandwidth',
  'flatnet-tuning',
  'flatnet-dns',
  'flatnet-firewall',
] as const;

/** What people and service managers start. */
export const COMMAND_NAMES = ['flatnetctl', 'flatnetd'] as const;

export interface InstallPlan {
  /** The image that answers to all names. */
  readonly image: string;
  /** Where runtimes look for plugins. */
  readonly pluginDir: string;
  /** Where people look for commands. */
  readonly binDir: string;
  /** Where netavark looks for drivers. */
  readonly driverDir: string;
  readonly stateDir: string;
  readonly force: boolean;
  /** Where the reference plugins' names are to lead to the image too. */
  readonly dropInDir?: string;
}

/** The image to install: this very executable, or under Node the one of `--from`. @throws OperatorError */
export function findImage(from: string | undefined): string {
  if (from !== undefined) {
    const image = join(from, 'flatnet');
    if (isExecutable(image)) return image;
    throw environment(`${image} is not an executable`, 'npm run build, then --from dist/bin');
  }
  if ('bun' in process.versions) return process.execPath;
  throw environment('this is the Node bundle, which cannot install itself', 'flatnetctl install --from dist/bin');
}

/** The files that `install` makes, with the plugin directory first. @throws OperatorError when the image cannot be read. */
export function filesOf(plan: InstallPlan): readonly InstalledFile[] {
  const { image, pluginDir, binDir, driverDir, dropInDir, stateDir } = plan;
  const mark = markOf(image);
  if (mark === undefined) throw environment(`${image} is gone`, 'flatnetctl install --from dist/bin');
  return [
    ...PLUGIN_NAMES.map((name) => ({ path: join(pluginDir, name), mark })),
    ...COMMAND_NAMES.map((name) => ({ path: join(binDir, name), mark: linkMark(join(pluginDir, 'flatnet')) })),
    // Alone in its folder: Podman shows everything there as a driver.
    { path: join(driverDir, 'flatnet'), mark: linkMark(join(pluginDir, 'flatnet')) },
    ...(dropInDir === undefined ? [] : dropInFiles(dropInDir, pluginDir, readRecord(stateDir))),
  ];
}

/**
 * Puts the image under every plugin's name (hard links of one copy), and links where people, or runtimes that ask for the reference
 * plugins, look. Each name changes by one rename: a plugin that runs keeps its old image, and there is never half a file. The record
 * is written first, so that whatever a crash leaves can be uninstalled. A failure takes back what is new, and puts back what was replaced.
 *
 * @throws OperatorError when another file has one of the names, unless `force`.
 */
export function install(plan: InstallPlan): readonly InstalledFile[] {
  const { stateDir } = plan;
  const earlier = readRecord(stateDir);
  const files = filesOf(plan);
  if (!plan.force) refuseForeign(files, earlier);
  refuseWhatCannotStepAside(files, earlier);
  const seen = new Map<string, string>();
  const isNew = files.filter(
    ({ path, mark }) => !earlier.some((file) => file.path === path) && markOf(path, seen) !== mark,
  );
  const others = earlier.filter(({ path }) => !files.some((file) => file.path === path));
  const replaced = files.filter(({ path, mark }) => ![undefined, mark].includes(markOf(path, seen)));
  writeRecord(stateDir, [...others, ...files]);
  try {
    for (const { path } of replaced) linkSync(path, backupOf(path));
    place(plan, files);
  } catch (error) {
    takeAway(isNew);
    for (const { path } of replaced) restore(path);
    if (earlier.length === 0) dropRecord(stateDir);
    else writeRecord(stateDir, earlier);
    throw refused('install into', plan.pluginDir, error);
  } finally {
    for (const { path } of replaced) removeFile(backupOf(path));
  }
  return files;
}

/** The file that an upgrade replaces, until the upgrade has succeeded. */
const backupOf = (path: string): string => `${path}.${process.pid}.old`;

/** A backup that was not made is of a name that was not reached either. */
function restore(path: string): void {
  const backup = backupOf(path);
  if (markOf(backup) === undefined) return;
  renameSync(backup, path);
}

function place({ image, pluginDir, binDir, driverDir, dropInDir }: InstallPlan, files: readonly InstalledFile[]): void {
  const copy = join(pluginDir, `.flatnet.${process.pid}.image`);
  [pluginDir, binDir, driverDir, ...(dropInDir === undefined ? [] : [dropInDir])].forEach((directory) =>
    mkdirSync(directory, { recursive: true }),
  );
  try {
    // Shares blocks where the file system can.
    copyFileSync(image, copy, constants.COPYFILE_FICLONE);
    chmodSync(copy, 0o755);
    for (const file of files) {
      stepAside(file);
      const target = file.mark.startsWith('-> ') ? file.mark.slice(3) : undefined;
      replaceBy(file.path, (temporary) =>
        target === undefined ? linkSync(copy, temporary) : symlinkSync(target, temporary),
      );
    }
  } finally {
    removeFile(copy);
  }
}

function refuseForeign(files: readonly InstalledFile[], earlier: readonly InstalledFile[]): void {
  const own = new Set(earlier.map(({ path }) => path));
  const seen = new Map<string, string>();
  const foreign = files.find(({ path, mark, aside }) => {
    const now = own.has(path) || aside !== undefined ? undefined : markOf(path, seen);
    return now !== undefined && now !== mark;
  });
  if (foreign !== undefined)
    throw problem(`${foreign.path} exists and was not installed by flatnetctl`, 'look at it, then --force');
}

function replaceBy(path: string, make: (temporary: string) => void): void {
  const temporary = `${path}.${process.pid}.new`;
  removeFile(temporary);
  make(temporary);
  renameSync(temporary, path);
  // rename() of two links of one file does nothing and leaves both (POSIX).
  removeFile(temporary);
}
