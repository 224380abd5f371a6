import { runSync, runConcurrently, type Run } from '@flatnet/exec';
import { realProc, type ProcFiles } from './proc.ts';

/** All that flatnet touches of the kernel: programs (ip, nft, …) and the files of /proc and /sys. Tests hand in the fake. */
export interface Kernel {
  readonly run: Run;
  readonly proc: ProcFiles;
}

/** A kernel for a plugin's command, whose steps may run at the same time. */
export interface CommandKernel extends Kernel {
  /** For a program that runs beside others, started before them; `run` is for those that are waited for, and may stand still meanwhile. */
  readonly runAside: Run;
}

/**
 * The kernel of the network namespace that this process is in. With `signal`, no program is started after it aborts, and those that run
 * aside are killed.
 */
export const realKernel = (signal?: AbortSignal): CommandKernel => ({
  proc: realProc,
  run: until(signal, runSync),
  runAside: until(signal, runConcurrently),
});

const until = (signal: AbortSignal | undefined, run: Run): Run =>
  signal === undefined ? run : (file, args, options) => run(file, args, { signal, ...options });
