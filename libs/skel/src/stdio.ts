import { readSync, writeSync } from 'node:fs';
import { MAX_STDIN_BYTES } from './stdin.ts';

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
