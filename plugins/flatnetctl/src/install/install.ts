import { chmodSync, copyFileSync, constants, linkSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from '@flatnet/exec';
import { removeFile } from '../conflist/directory.ts';
import { environment, problem, refused } from '../failure.ts';
import { markOf, readRecord, writeRecord, type InstalledFile } from './record.ts';

export const PLUGIN_NAMES = ['flatnet', 'flatnet-ipam', 'flatnet-portmap'] as const;

export interface InstallPlan {
  /** The image that answers to all names. */
  readonly image: string;
  /** Where runtimes look for plugins. */
  readonly pluginDir: string;
  /** Where people look for commands. */
  readonly binDir: string;
  readonly stateDir: string;
  readonly force: boolean;
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

/** The files that `install` makes, with the plugin directory first. */
export const targetsOf = ({ pluginDir, binDir }: InstallPlan): readonly string[] => [
  ...PLUGIN_NAMES.map((name) => join(pluginDir, name)),
  join(binDir, 'flatnetctl'),
];

/**
 * Puts the image under every plugin's name (hard links of one copy), and a link named flatnetctl where people look. Each name
 * changes by one rename: a plugin that runs keeps its old image, and there is never half a file.
 *
 * @throws OperatorError when a file of somebody else has one of the names, unless `force`.
 */
export function install(plan: InstallPlan): readonly InstalledFile[] {
  refuseForeign(plan);
  const { image, pluginDir, binDir, stateDir } = plan;
  const copy = join(pluginDir, `.flatnet.${process.pid}.image`);
  try {
    mkdirSync(pluginDir, { recursive: true });
    mkdirSync(binDir, { recursive: true });
    // Shares blocks where the file system can.
    copyFileSync(image, copy, constants.COPYFILE_FICLONE);
    chmodSync(copy, 0o755);
    for (const name of PLUGIN_NAMES) replaceBy(join(pluginDir, name), (temporary) => linkSync(copy, temporary));
    const command = join(binDir, 'flatnetctl');
    replaceBy(command, (temporary) => symlinkSync(join(pluginDir, 'flatnet'), temporary));
  } catch (error) {
    throw refused('install into', pluginDir, error);
  } finally {
    removeFile(copy);
  }
  const seen = new Map<string, string>();
  const files = targetsOf(plan).map((path) => ({ path, mark: markOf(path, seen) ?? '' }));
  const earlier = readRecord(stateDir).filter(({ path }) => !files.some((file) => file.path === path));
  writeRecord(stateDir, [...earlier, ...files]);
  return files;
}

function refuseForeign(plan: InstallPlan): void {
  if (plan.force) return;
  const own = new Set(readRecord(plan.stateDir).map(({ path }) => path));
  const seen = new Map<string, string>();
  const image = markOf(plan.image, seen);
  const foreign = targetsOf(plan).find((path) => {
    const mark = own.has(path) ? undefined : markOf(path, seen);
    return mark !== undefined && mark !== image;
  });
  if (foreign !== undefined)
    throw problem(`${foreign} exists and was not installed by flatnetctl`, 'look at it, then --force');
}

function replaceBy(path: string, make: (temporary: string) => void): void {
  const temporary = `${path}.${process.pid}.new`;
  make(temporary);
  renameSync(temporary, path);
  // rename() of two links of one file does nothing and leaves both (POSIX).
  removeFile(temporary);
}
