import { CniError, ErrorCode, VERBS, type Verb } from '@flatnet/cni';
import { interrupted, limitsOf, type Limits } from './deadline.ts';
import { dispatch } from './dispatch.ts';
import { failureOutcome, toCniError } from './failure.ts';
import { finish, writeToStderr } from './finish.ts';
import { help } from './help.ts';
import type { PluginEntry } from './entry.ts';
import type { Outcome } from './plugin.ts';
import { readStdin } from './read-stdin.ts';
import { catchSignals, ignoredSignals, restoreSignals } from './signals.ts';
import type { Trace } from './trace.ts';

/** performance.now() counts from the begin of the process. */
const PROCESS_BEGIN = 0;

/** Runs one command of the environment to its end, which comes within 30 s of the process's begin. */
export async function runCommand(
  entry: PluginEntry,
  trace: Trace,
  limitsOfVerb: (verb: Verb | undefined) => Limits = (verb) => limitsOf(verb, PROCESS_BEGIN),
): Promise<never> {
  const verb = VERBS.find((known) => known === process.env['CNI_COMMAND']);
  const limits = limitsOfVerb(verb);
  const abort = new AbortController();
  let isAnswering = false;
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    // A fault in a forgotten corner ends the command as a failed step does: an ADD is undone.
    process.on(event, (error) => (isAnswering ? process.exit(1) : abort.abort(toCniError(error))));
  }
  const answer = (outcome: Outcome): Promise<never> => {
    isAnswering = true;
    // A result that is not read in time is undone in the time that is kept for that.
    const until = outcome.undo === undefined ? limits.end : limits.work;
    return finish(outcome, { trace, until, signal: abort.signal });
  };
  const refuse = (error: CniError): Promise<never> => {
    trace.error = error;
    return answer(failureOutcome(error));
  };
  const ignored = ignoredSignals();
  restoreSignals(ignored);
  if (!process.env['CNI_COMMAND']) await writeToStderr(help(entry));
  // A main plugin starts its delegate early and holds stdin back until it has a question; the modules can be loaded meanwhile. A plugin that
  // delegates reads stdin first, since it says to whom.
  if (verb !== undefined && entry.startEarly === undefined) await entry.load();
  // Until here a signal ends the process: nothing was done yet.
  const stdin = verb === undefined ? { bytes: new Uint8Array(), ended: true } : await readStdin(limits.work);
  if (!stdin.ended) {
    return refuse(
      new CniError(
        ErrorCode.ioFailure,
        'could not read the network configuration from stdin',
        'its writer did not close it in time: close stdin after the configuration',
      ),
    );
  }
  if (verb === 'ADD' || verb === 'DEL' || verb === 'GC') {
    // ADD is undone; DEL and GC finish what they began: stopping half way would leave more than going on.
    catchSignals(ignored, (signal) => verb === 'ADD' && abort.abort(interrupted(signal)));
  }
  const invocation = {
    env: process.env,
    stdin: stdin.bytes,
    reusableStdin: '/proc/self/fd/0',
    stderr: (text: string) => void writeToStderr(text),
  };
  return answer(await dispatch(entry, invocation, trace, { abort, limits }));
}
