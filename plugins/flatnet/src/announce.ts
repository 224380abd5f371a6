import { setLink, type Kernel } from '@flatnet/kernel';
import type { Plan } from './plan.ts';

/** A bridge without STP forwards within milliseconds; one with STP takes half a minute, which ADD does not wait for. */
const MAX_WAIT_MS = 1000;
const POLL_MS = 5;

/**
 * Announces a MAC that the address may not have had before: neighbours remember the old one for up to a minute. The kernel announces
 * the addresses when the MAC is set, also to what it is, but what it sends before the bridge port forwards is lost.
 *
 * @throws ToolError.
 */
export async function announce(kernel: Kernel, plan: Plan, netns: string): Promise<void> {
  const end = performance.now() + MAX_WAIT_MS;
  while (isWaiting(kernel, plan.hostVeth) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const setMac = setLink(plan.ifName, { mac: plan.containerMac });
  kernel.rtnetlink.change(`announce the MAC of ${plan.ifName}`, [setMac], netns);
}

function isWaiting({ rtnetlink }: Kernel, hostVeth: string): boolean {
  const state = rtnetlink.findLink(hostVeth)?.port?.state;
  return state !== undefined && state !== 'forwarding';
}
