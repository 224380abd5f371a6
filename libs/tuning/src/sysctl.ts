/** Files of /proc/sys/net, which show the namespace of the thread that opens them. */
import { ENOENT, O_RDONLY, O_WRONLY, type Sys, SysError } from '@flatnet/sys';
import { TuningError } from './error.ts';
import type { Sysctl } from './model.ts';

const LONGEST = 4096;

/** The value without its newline; undefined where the kernel has no such setting here. @throws SysError. */
export function readSysctl(sys: Sys, path: string): string | undefined {
  try {
    const bytes = new Uint8Array(LONGEST);
    return withFile(sys, path, O_RDONLY, (fd) =>
      new TextDecoder().decode(bytes.subarray(0, sys.read(fd, bytes))),
    ).trimEnd();
  } catch (error) {
    if (error instanceof SysError && error.errno === ENOENT) return undefined;
    throw error;
  }
}

/** @throws TuningError: there is no such setting here, or it does not take the value. */
export function writeSysctl(sys: Sys, { path, value }: Sysctl): void {
  try {
    withFile(sys, path, O_WRONLY, (fd) => sys.write(fd, new TextEncoder().encode(value)));
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.errno === ENOENT) {
      const next = 'remove it, or load the module that brings it';
      throw new TuningError('no-setting', `the container's namespace has no setting ${path}`, next, { cause: error });
    }
    const next = 'give a value that it can have, where /proc/sys can be written';
    throw new TuningError('refused', `the kernel refused ${JSON.stringify(value)} for ${path}: ${error.code}`, next, {
      cause: error,
    });
  }
}

function withFile<T>(sys: Sys, path: string, flags: number, work: (fd: number) => T): T {
  const fd = sys.open(`/proc/sys/${path}`, flags);
  try {
    return work(fd);
  } finally {
    sys.close(fd);
  }
}

/** Whether two values are the same to the kernel, which prints its own blanks. */
export const isSameValue = (a: string, b: string): boolean => words(a) === words(b);

const words = (value: string): string => value.trim().split(/\s+/).join(' ');
