import { runSync, type Run } from '@flatnet/exec';
import { NETLINK_NETFILTER, openSocket, type Socket } from '@flatnet/netlink';
import { type Sys, withNetns } from '@flatnet/sys';
import { openSys } from '@flatnet/sys/open';
import { type Conntrack, conntrackByNetlink } from './conntrack.ts';
import { nftByNetlink } from './nft/by-netlink.ts';
import type { Nft } from './nft/nft.ts';
import { realProc, type ProcFiles } from './proc.ts';
import { refusalOf } from './rtnetlink/error.ts';
import { openRtnetlink } from './rtnetlink/open.ts';
import type { Rtnetlink } from './rtnetlink/rtnetlink.ts';

/** All that flatnet touches of the kernel. Tests hand in the fake. */
export interface Kernel {
  readonly rtnetlink: Rtnetlink;
  readonly nft: Nft;
  readonly conntrack: Conntrack;
  /** Starts a program: of another firewall, or an engine like dnsmasq. */
  readonly run: Run;
  readonly proc: ProcFiles;
  /**
   * Does `work`, which is synchronous, with the files of the network namespace at `netns`.
   *
   * @throws RtnetlinkError: kind `not-found` where there is no such namespace.
   */
  inNetns<T>(netns: string, work: (proc: ProcFiles) => T): T;
}

/**
 * The kernel of the network namespace that this process is in. With `signal`, nothing is changed and no program is started after it
 * aborts.
 */
export const realKernel = (signal?: AbortSignal): Kernel => kernelOver(until(signal, runSync), signal);

/** @param run starts programs. */
export const kernelOver = (run: Run, signal?: AbortSignal): Kernel => ({
  rtnetlink: openRtnetlink(libc, { signal }),
  nft: nftByNetlink(openNetfilter, run, signal),
  conntrack: conntrackByNetlink(openNetfilter, signal),
  run,
  proc: realProc,
  inNetns(netns, work) {
    try {
      return withNetns(libc(), netns, () => ({ result: work(realProc) })).result;
    } catch (error) {
      throw refusalOf(error, `look into network namespace ${netns}`, 0);
    }
  },
});

let loaded: Sys | undefined;
/** libc, loaded at the first call. */
const libc = (): Sys => (loaded ??= openSys());

let netfilter: Socket | undefined;
const openNetfilter = (): Socket => (netfilter ??= openSocket(libc(), NETLINK_NETFILTER));

const until = (signal: AbortSignal | undefined, run: Run): Run =>
  signal === undefined ? run : (file, args, options) => run(file, args, { signal, ...options });
