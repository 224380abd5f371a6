import { spawnRun, type Run } from '@flatnet/exec';
import { realProc, type ProcFiles } from './proc.ts';

/** All that flatnet touches of the kernel: programs (ip, nft, …) and the files of /proc and /sys. Tests hand in the fake. */
export interface Kernel {
  readonly run: Run;
  readonly proc: ProcFiles;
}

/** The kernel of the network namespace that this process is in. With `signal`, its programs are killed when it aborts. */
export const realKernel = (signal?: AbortSignal): Kernel => ({
  proc: realProc,
  run: signal === undefined ? spawnRun : (file, args, options) => spawnRun(file, args, { signal, ...options }),
});
