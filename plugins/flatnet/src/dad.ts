import { CniError, ErrorCode } from '@flatnet/cni';
import type { Kernel } from '@flatnet/kernel';

/** The detection of one address takes one to two seconds (RFC 4862). */
const DAD_TIMEOUT_MS = 10_000;
const LOOK_MS = 100;

/**
 * Waits until duplicate address detection has passed all IPv6 addresses of an interface: before, no program can be bound to them.
 *
 * @throws CniError code 100 for an address that another interface has, 11 when the detection does not end; RtnetlinkError.
 */
export async function awaitDad(kernel: Kernel, ifName: string, netns: string, signal: AbortSignal): Promise<void> {
  for (const end = performance.now() + DAD_TIMEOUT_MS; ; await new Promise((resolve) => setTimeout(resolve, LOOK_MS))) {
    const addresses = kernel.rtnetlink.listAddresses(ifName, netns);
    const isDetecting = addresses.some(({ tentative, dadFailed }) => tentative && !dadFailed);
    const duplicates = addresses.filter(({ dadFailed }) => dadFailed);
    // Two containers of one address have one MAC and one link-local address, too: the user knows the other one.
    const asked = duplicates.find(({ address }) => !address.startsWith('fe80:'));
    const duplicate = asked ?? (isDetecting ? undefined : duplicates[0]);
    if (duplicate !== undefined) {
      throw new CniError(
        ErrorCode.conflict,
        `another interface of the network has address ${duplicate.address}`,
        `duplicate address detection of ${ifName} found it on this network; free it there, or choose another address`,
      );
    }
    if (!isDetecting) return;
    if (signal.aborted) throw signal.reason;
    if (performance.now() < end) continue;
    const still = `the addresses of ${ifName} are still tentative after ${DAD_TIMEOUT_MS / 1000} seconds`;
    throw new CniError(ErrorCode.tryAgainLater, 'duplicate address detection did not end', still);
  }
}
