import { SUPPORTED_VERSIONS } from '@flatnet/cni';
import { interrupted } from './deadline.ts';
import { dispatch } from './dispatch.ts';
import { failureOutcome, toCniError } from './failure.ts';
import { appendLog } from './log.ts';
import type { Outcome, PluginEntry } from './plugin.ts';
import { readStdin, writeAll } from './stdio.ts';
import { Trace } from './trace.ts';

const VERSION = '0.1.0';

const help = (entry: PluginEntry): string =>
  `${entry.name} ${VERSION}: ${entry.about}\n` +
  `CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(', ')}. A container runtime runs it; see plugins/${entry.name}/README.md.\n`;

/** Runs a plugin as this process: arguments, environment and stdin in; stdout, stderr, log and exit code out. */
export async function runPlugin(entry: PluginEntry): Promise<void> {
  const argument = process.argv[2];
  if (argument === '--version' || argument === '--help') {
    writeAll(1, argument === '--version' ? `${entry.name} ${VERSION}\n` : help(entry));
    return process.exit(0);
  }
  // Files that we make (leases, log) are for root; before anything is opened.
  process.umask(0o077);
  const trace = new Trace(entry.name);
  const abort = new AbortController();
  handleSignals(abort);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      trace.error = toCniError(error);
      finish(trace, failureOutcome(trace.error));
    });
  }
  const command = process.env['CNI_COMMAND'];
  // VERSION never reads stdin: a runtime need not give it one.
  const stdin = !command || command === 'VERSION' ? new Uint8Array() : readStdin();
  if (!command) writeQuietly(2, help(entry));
  finish(trace, await dispatch(entry, { env: process.env, stdin }, trace, abort));
}

/** ADD is undone; DEL and the others finish what they began: stopping half way would leave more than going on. */
function handleSignals(abort: AbortController): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (process.env['CNI_COMMAND'] === 'ADD') abort.abort(interrupted(signal));
    });
  }
}

function finish(trace: Trace, outcome: Outcome): never {
  appendLog(trace.logFile, trace.toLine(new Date()));
  try {
    if (outcome.stdout !== '') writeAll(1, outcome.stdout + '\n');
  } catch {
    // The runtime is gone and will not know what was made: it sends DEL for what it started, or GC frees it.
    return process.exit(1);
  }
  if (outcome.exitCode !== 0) writeQuietly(2, `${outcome.stdout}\n`);
  return process.exit(outcome.exitCode);
}

function writeQuietly(descriptor: 1 | 2, text: string): void {
  try {
    writeAll(descriptor, text);
  } catch {
    // A closed stderr is no reason to fail.
  }
}
