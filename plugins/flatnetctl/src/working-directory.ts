import type { Command } from 'commander';
import { usage } from './failure.ts';

/** Options whose value is a path, by the word for it in their help. */
const IS_PATH = /<(?:dir|dirs|path|path\|pid|file)>/;

/**
 * Leaves a working directory that was deleted, which programs cannot be started from.
 *
 * @returns whether there was none.
 */
export function leaveLostDirectory(): boolean {
  try {
    process.cwd();
    return false;
  } catch {
    process.chdir('/');
    return true;
  }
}

/** @throws OperatorError (usage) for an option of `command` that names a path from the working directory, when that is lost. */
export function refuseRelativePaths(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    const value: unknown = command.getOptionValue(name);
    if (!IS_PATH.test(option.flags) || typeof value !== 'string' || command.getOptionValueSource(name) !== 'cli')
      continue;
    const relative = value.split(':').find((path) => path !== '' && !path.startsWith('/') && !/^\d+$/.test(path));
    if (relative === undefined) continue;
    throw usage(
      `${option.long ?? name}: ${JSON.stringify(relative)} is a path from the working directory, which was deleted`,
      'give an absolute path, or cd to a directory that exists',
    );
  }
}
