import { runSync, runConcurrently, type Run } from '@flatnet/exec';
import { NETLINK_NETFILTER, openSocket } from '@flatnet/netlink';
import { openBunSys } from '@flatnet/sys/bun';
import type { Sys } from '@flatnet/sys';
import { conntrackInProcess } from './conntrack-in-process.ts';
import { ipInProcess } from './ip/in-process.ts';
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
 * aside are killed. In an executable the kernel is asked by netlink, from within this process; under Node the programs do it.
 */
export const realKernel = (signal?: AbortSignal): CommandKernel => {
  const answered = (run: Run): Run => {
    if (process.versions['bun'] === undefined) return run;
    const netfilter = () => openSocket(libc(), NETLINK_NETFILTER);
    return ipInProcess(conntrackInProcess(nftInProcess(run, netfilter), netfilter), libc);
  };
  return {
    proc: realProc,
    run: answered(until(signal, runSync)),
    runAside: answered(until(signal, runConcurrently)),
  };
};

let loaded: Sys | undefined;
/** libc, loaded at the first call. */
const libc = (): Sys => (loaded ??= openBunSys());

const until = (signal: AbortSignal | undefined, run: Run): Run =>
  signal === undefined ? run : (file, args, options) => run(file, args, { signal, ...options });
