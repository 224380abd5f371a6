import { dlopen } from 'bun:ffi';
import { closeSync, writeSync } from 'node:fs';

const libc = dlopen('libc.so.6', { pipe2: { args: ['ptr', 'i32'], returns: 'i32' } });
/** <bits/fcntl-linux.h>; the same on x86-64 and arm64. */
const O_CLOEXEC = 0o2000000;
/** What a new pipe takes without a reader (pipe(7)). */
const PIPE_BYTES = 65_536;

/**
 * The reading end of a pipe that holds `input` and has no writer any more: what a runtime written in Go gives a plugin as stdin. Bun's
 * own spawn gives a file, with which a plugin could not start its delegate early. Undefined if it is more than a pipe holds.
 */
export function filledPipe(input: string): number | undefined {
  const bytes = Buffer.from(input);
  if (bytes.length > PIPE_BYTES) return undefined;
  const ends = new Int32Array(2);
  if (libc.symbols.pipe2(ends, O_CLOEXEC) !== 0) throw new Error('pipe2 failed: no descriptor is left');
  const [read, write] = ends as unknown as [number, number];
  writeSync(write, bytes);
  closeSync(write);
  return read;
}
