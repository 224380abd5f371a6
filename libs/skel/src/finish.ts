import { writeWithin } from './descriptors.ts';
import { appendLog } from './log.ts';
import type { Outcome } from './plugin.ts';
import type { Trace } from './trace.ts';

/** stderr is a courtesy: its reader is not waited for. */
const STDERR_MS = 100;

export interface FinishOptions {
  /** Absent: no log line, since runtimes ask for VERSION all the time. */
  readonly trace?: Trace;
  /** How long the reader of the answer is waited for, as a time of performance.now(). */
  readonly until: number;
  /** Aborts when a result is not wanted any more. */
  readonly signal?: AbortSignal;
}

/** Writes the log line, then the answer, and ends the process. An ADD whose result is not read is undone. */
export async function finish(outcome: Outcome, { trace, until, signal }: FinishOptions): Promise<never> {
  if (trace !== undefined) appendLog(trace.logFile, trace.toLine(new Date()));
  try {
    if (outcome.stdout !== '') {
      await writeWithin(1, `${outcome.stdout}\n`, until, outcome.undo === undefined ? undefined : signal);
    }
  } catch (error) {
    if (trace !== undefined && outcome.undo !== undefined) {
      trace.error = await outcome.undo(error);
      appendLog(trace.logFile, trace.toLine(new Date()));
    }
    return process.exit(1);
  }
  if (outcome.exitCode !== 0) await writeToStderr(`${outcome.stdout}\n`);
  return process.exit(outcome.exitCode);
}

/** Writes to stderr as far as it can be written to: a closed or full one is no reason to fail. */
export async function writeToStderr(text: string): Promise<void> {
  try {
    await writeWithin(2, text, performance.now() + STDERR_MS);
  } catch {
    // See above.
  }
}
