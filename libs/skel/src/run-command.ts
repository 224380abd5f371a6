import { interrupted } from './deadline.ts';
import { dispatch } from './dispatch.ts';
import { failureOutcome, toCniError } from './failure.ts';
import type { PluginEntry } from './plugin.ts';
import { help } from './run-plugin.ts';
import { finish, readStdin, writeQuietly } from './stdio.ts';
import type { Trace } from './trace.ts';

/** Runs one command of the environment to its end. */
export async function runCommand(entry: PluginEntry, trace: Trace): Promise<never> {
  const abort = new AbortController();
  handleSignals(abort);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      trace.error = toCniError(error);
      void finish(trace, failureOutcome(trace.error));
    });
  }
  const command = process.env['CNI_COMMAND'];
  // A main plugin starts its delegate early and holds stdin back until it has a question; the modules can be loaded meanwhile. Who
  // delegates reads stdin first, since it says to whom.
  if (command && entry.prepare === undefined) await entry.load();
  if (!command) writeQuietly(2, help(entry));
  const stdin = command ? readStdin() : new Uint8Array();
  return finish(
    trace,
    await dispatch(entry, { env: process.env, stdin, drainedStdin: '/proc/self/fd/0' }, trace, abort),
  );
}

/** ADD is undone; DEL and the others finish what they began: stopping half way would leave more than going on. */
function handleSignals(abort: AbortController): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (process.env['CNI_COMMAND'] === 'ADD') abort.abort(interrupted(signal));
    });
  }
}
