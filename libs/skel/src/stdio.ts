import { readSync, writeSync } from 'node:fs';
import { appendLog } from './log.ts';
import type { Outcome } from './plugin.ts';
import type { Trace } from './trace.ts';

/** A configuration is a few KiB; whoever sends more is refused. */
export const MAX_STDIN_BYTES = 1024 * 1024;

const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

/** Sleeps without the event loop, for descriptors that their owner set to O_NONBLOCK. */
const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/** All of stdin, or one byte more than the cap. A closed stdin is an empty one. */
export function readStdin(): Uint8Array {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size <= MAX_STDIN_BYTES) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    let count: number;
    try {
      count = readSync(0, chunk, 0, chunk.length, null);
    } catch (error) {
      if (isErrno(error, 'EAGAIN')) {
        pause(2);
        continue;
      }
      if (isErrno(error, 'EINTR')) continue;
      break;
    }
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    size += count;
  }
  return Buffer.concat(chunks);
}

/**
 * Writes all of `text`. process.stdout would cut it at 64 KiB when the process exits, and under Bun it leaves O_NONBLOCK on the
 * caller's pipe.
 *
 * @throws Error EPIPE when the reader is gone.
 */
export function writeAll(descriptor: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if (!isErrno(error, 'EAGAIN') && !isErrno(error, 'EINTR')) throw error;
      pause(1);
    }
  }
}

/**
 * Writes the log line, then the answer, and ends the process. An answer that nobody reads is taken back. Without `trace` there is no log
 * line: runtimes ask for VERSION all the time.
 */
export async function finish(trace: Trace | undefined, outcome: Outcome): Promise<never> {
  if (trace !== undefined) appendLog(trace.logFile, trace.toLine(new Date()));
  try {
    if (outcome.stdout !== '') writeAll(1, `${outcome.stdout}\n`);
  } catch (error) {
    if (trace !== undefined && outcome.takeBack !== undefined) {
      trace.error = await outcome.takeBack(error);
      appendLog(trace.logFile, trace.toLine(new Date()));
    }
    return process.exit(1);
  }
  if (outcome.exitCode !== 0) writeQuietly(2, `${outcome.stdout}\n`);
  return process.exit(outcome.exitCode);
}

/** Writes what nobody may miss: a closed descriptor is no reason to fail. */
export function writeQuietly(descriptor: 1 | 2, text: string): void {
  try {
    writeAll(descriptor, text);
  } catch {
    // See above.
  }
}
