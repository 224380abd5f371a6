import { runSync, runConcurrently, type Run } from '@flatnet/exec';
import { NETLINK_NETFILTER, openSocket } from '@flatnet/netlink';
import { openBunSys } from '@flatnet/sys/bun';
import { nftInProcess } from './nft/in-process.ts';
import { realProc, type ProcFiles } from './proc.ts';

/** All that flatnet touches of the kernel: programs (ip, …), nft, and the files of /proc and /sys. Tests hand in the fake. */
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
 * aside are killed. In an executable nft's transactions are sent by netlink, from within this process; under Node nft does it.
 */
export const realKernel = (signal?: AbortSignal): CommandKernel => {
  const open = () => openSocket(openBunSys(), NETLINK_NETFILTER);
  const answered = (run: Run): Run => (process.versions['bun'] === undefined ? run : nftInProcess(run, open));
  return {
    proc: realProc,
    run: answered(until(signal, runSync)),
    runAside: answered(until(signal, runConcurrently)),
  };
};

const until = (signal: AbortSignal | undefined, run: Run): Run =>
  signal === undefined ? run : (file, args, options) => run(file, args, { signal, ...options });
