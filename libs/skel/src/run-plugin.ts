// Loaded at every start. Podman asks every plugin of every conflist for VERSION before each command, so whatever VERSION does
// without (zod, child_process, crypto) is loaded behind it, by `run-command.ts`.
import { SUPPORTED_VERSIONS } from '@flatnet/cni/version';
import type { PluginEntry } from './plugin.ts';
import { finish, writeAll } from './stdio.ts';
import { Trace } from './trace.ts';
import { answerVersion } from './version-answer.ts';

const PACKAGE_VERSION = '0.1.0';

/** What `--help` prints, and stderr when the program is run without CNI_COMMAND. */
export const help = (entry: PluginEntry): string =>
  `${entry.name} ${PACKAGE_VERSION}: ${entry.about}\n` +
  `CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(', ')}. A container runtime runs it; see plugins/${entry.name}/README.md.\n`;

/** Runs a plugin as this process: arguments, environment and stdin in; stdout, stderr, log and exit code out. */
export async function runPlugin(entry: PluginEntry): Promise<void> {
  const argument = process.argv[2];
  if (argument === '--version' || argument === '--help') {
    writeAll(1, argument === '--version' ? `${entry.name} ${PACKAGE_VERSION}\n` : help(entry));
    return process.exit(0);
  }
  // Files that we make (leases, log) are for root; before anything is opened.
  process.umask(0o077);
  if (process.env['CNI_COMMAND'] === 'VERSION') return finish(undefined, answerVersion());
  const trace = new Trace(entry.name);
  const { runCommand } = await import('./run-command.ts');
  return runCommand(entry, trace);
}
