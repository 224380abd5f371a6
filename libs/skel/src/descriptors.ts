/** stdin, stdout and stderr of the caller, of whatever kind, without ever being blocked by them. */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync, type Stats } from 'node:fs';

const isErrno = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** Sleeps without the event loop. A signal that has no handler ends the process meanwhile. */
const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/** What descriptor `fd` is; undefined when it is closed. */
export function kindOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}

/**
 * Opens the pipe or terminal at `fd` once more without blocking (proc_pid_fd(5)). The flag on the caller's own descriptor would be its
 * other processes' flag as well. Undefined when that cannot be: a socket, no /proc, another user's pipe.
 */
export function reopen(fd: number, access: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, access | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

/** What was read, and whether that is all there is. */
export interface Input {
  readonly bytes: Buffer;
  readonly ended: boolean;
}

/** Reads `fd` to its end, to more than `cap` bytes, or until the time `until` (performance.now()) or `isEnough`. */
export function readUntil(fd: number, cap: number, until: number, isEnough?: (bytes: Buffer) => boolean): Input {
  const chunks: Buffer[] = [];
  let size = 0;
  for (let idle = 0.1; size <= cap;) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    try {
      const count = readSync(fd, chunk, 0, chunk.length, null);
      if (count === 0) break;
      chunks.push(chunk.subarray(0, count));
      size += count;
      if (isEnough?.(Buffer.concat(chunks))) break;
    } catch (error) {
      if (isErrno(error, 'EINTR')) continue;
      // What cannot be read at all, a folder for one, is empty.
      if (!isErrno(error, 'EAGAIN')) break;
      if (performance.now() >= until) return { bytes: Buffer.concat(chunks), ended: false };
      pause(idle);
      idle = Math.min(idle * 2, 5);
    }
  }
  return { bytes: Buffer.concat(chunks), ended: true };
}

/**
 * Writes all of `text`. process.stdout would cut it at 64 KiB when the process exits, and under Bun it leaves O_NONBLOCK on the
 * caller's pipe.
 *
 * @throws Error EPIPE when the reader is gone, ETIMEDOUT when it has not read all at the time `until` (performance.now()); the reason of
 * `signal`.
 */
export async function writeWithin(fd: 1 | 2, text: string, until: number, signal?: AbortSignal): Promise<void> {
  const bytes = Buffer.from(text);
  const own = kindOf(fd)?.isFIFO() ? reopen(fd, constants.O_WRONLY) : undefined;
  try {
    let written = 0;
    while (written < bytes.length) {
      if (signal?.aborted) throw signal.reason;
      try {
        written += writeSync(own ?? fd, bytes, written);
      } catch (error) {
        if (isErrno(error, 'EINTR')) continue;
        if (!isErrno(error, 'EAGAIN')) throw error;
        if (performance.now() >= until) {
          throw Object.assign(new Error('the reader of the answer does not read'), { code: 'ETIMEDOUT' });
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  } finally {
    if (own !== undefined) closeSync(own);
  }
}
