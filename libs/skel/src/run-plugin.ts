import { writeWithin } from './descriptors.ts';
import { help, PACKAGE_VERSION } from './help.ts';
import type { PluginEntry } from './entry.ts';
import { Trace } from './trace.ts';
import { answerVersionCommand, isVersionCommand } from './version-command.ts';

/** Runs a plugin as this process: arguments, environment and stdin in; stdout, stderr, log and exit code out. */
export async function runPlugin(entry: PluginEntry): Promise<void> {
  if (isVersionCommand()) return answerVersionCommand();
  const argument = process.argv[2];
  if (argument === '--version' || argument === '--help') {
    const text = argument === '--version' ? `${entry.name} ${PACKAGE_VERSION}\n` : help(entry);
    await writeWithin(1, text, performance.now() + 10_000);
    return process.exit(0);
  }
  // Files that we make (leases, log) are for root; before anything is opened.
  process.umask(0o077);
  // Nothing is found from the caller's working directory, which may be deleted while we run.
  process.chdir('/');
  const trace = new Trace(entry.name);
  // What VERSION, --version and --help do without (all of a verb) is behind this.
  const { runCommand } = await import('./run-command.ts');
  return runCommand(entry, trace);
}
