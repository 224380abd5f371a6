import { stableMac } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import { createBridge, ensureSysctls, linkExists, machineId, type Kernel } from '@flatnet/kernel';
import { mtuOfDevice, uplinkMtu } from './mtu.ts';
import type { Plan } from './plan.ts';

/** The MTU of a network: the configured one, else that of its bridge, else that of the host's way out. */
export function networkMtu(kernel: Kernel, { config: { bridge, mtu } }: Plan): number {
  if (mtu !== undefined) return mtu;
  return linkExists(kernel, bridge) ? mtuOfDevice(kernel, bridge) : uplinkMtu(kernel);
}

/**
 * Creates the bridge, which is shared and hence never undone. Its `up` comes with the attachment's own commands, after the kernel has
 * taken it as the master of a bridge port: what is not a bridge is left alone.
 *
 * @returns the settings that cannot be written.
 */
export function createNetworkBridge(kernel: Kernel, plan: Plan, mtu: number): readonly string[] {
  const { bridge } = plan.config;
  const mac = bridgeMac(kernel, plan.network);
  try {
    kernel.rtnetlink.change(`create bridge ${bridge}`, [createBridge({ name: bridge, mac, mtu })]);
  } catch (error) {
    // Fifty first ADDs at once: one creates it, for the others it exists.
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
  // Before it is up.
  return [
    ...ignoreAdvertisements(kernel, bridge),
    ...ensureSysctls(kernel, { [`ipv6/conf/${bridge}/accept_dad`]: '0' }),
  ];
}

/**
 * A router advertisement or redirect from a container must never give the host a route (CVE-2020-10749).
 *
 * @returns the settings that cannot be written.
 */
export const ignoreAdvertisements = (kernel: Kernel, device: string): readonly string[] =>
  ensureSysctls(kernel, {
    [`ipv6/conf/${device}/accept_ra`]: '0',
    [`ipv6/conf/${device}/autoconf`]: '0',
    [`ipv6/conf/${device}/accept_redirects`]: '0',
  });

/** Stable for (machine, network), so a bridge that is made anew keeps the gateway's MAC, and two machines never share one. */
const bridgeMac = (kernel: Kernel, network: string): string => stableMac('bridge', machineId(kernel), network);
