import { SUPPORTED_VERSIONS } from '@flatnet/cni/version';
import type { PluginEntry } from './plugin.ts';
import { writeAll } from './stdio.ts';
import { Trace } from './trace.ts';
import { answerVersionCommand, isVersionCommand } from './version-command.ts';

const PACKAGE_VERSION = '0.1.0';

/** What `--help` prints, and stderr when the program is run without CNI_COMMAND. */
export const help = (entry: PluginEntry): string =>
  `${entry.name} ${PACKAGE_VERSION}: ${entry.about}\n` +
  `CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(', ')}. A container runtime runs it; see plugins/${entry.name}/README.md.\n`;

/** Runs a plugin as this process: arguments, environment and stdin in; stdout, stderr, log and exit code out. */
export async function runPlugin(entry: PluginEntry): Promise<void> {
  if (isVersionCommand()) return answerVersionCommand();
  const argument = process.argv[2];
  if (argument === '--version' || argument === '--help') {
    writeAll(1, argument === '--version' ? `${entry.name} ${PACKAGE_VERSION}\n` : help(entry));
    return process.exit(0);
  }
  // Files that we make (leases, log) are for root; before anything is opened.
  process.umask(0o077);
  const trace = new Trace(entry.name);
  // What VERSION, --version and --help do without (zod, child_process) is behind this.
  const { runCommand } = await import('./run-command.ts');
  return runCommand(entry, trace);
}
