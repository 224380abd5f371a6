import { macOf } from '@flatnet/cni';
import { sha256Hex } from '@flatnet/digest';
import { ToolError } from '@flatnet/exec';
import { applyIp, createBridge, ensureSysctls, findLink, linkExists, type Kernel } from '@flatnet/kernel';
import { mtuOfDevice, uplinkMtu } from './mtu.ts';
import type { Plan } from './plan.ts';

/**
 * Makes sure that the bridge is there and answers the MTU of its network. It is shared, hence never undone. Its `up` comes with the
 * attachment's own commands, after the kernel has taken it as the master of a bridge port: what is not a bridge is left alone.
 */
export async function ensureBridge(kernel: Kernel, plan: Plan): Promise<number> {
  const { bridge, mtu } = plan.config;
  if (linkExists(kernel, bridge)) return mtu ?? (await mtuOfDevice(kernel, bridge));
  const wanted = mtu ?? (await uplinkMtu(kernel));
  const mac = bridgeMac(kernel, plan.network);
  try {
    await applyIp(kernel, `create bridge ${bridge}`, [createBridge({ name: bridge, mac, mtu: wanted })]);
  } catch (error) {
    // Fifty first ADDs at once: one creates it, for the others it exists.
    if (!(error instanceof ToolError && error.kind === 'exists')) throw error;
  }
  // Before it is up.
  ignoreAdvertisements(kernel, bridge);
  ensureSysctls(kernel, { [`ipv6/conf/${bridge}/accept_dad`]: '0' });
  return wanted;
}

/** A router advertisement from a container must never give the host a route (CVE-2020-10749). */
export const ignoreAdvertisements = (kernel: Kernel, device: string): void =>
  ensureSysctls(kernel, { [`ipv6/conf/${device}/accept_ra`]: '0', [`ipv6/conf/${device}/autoconf`]: '0' });

/** Stable for (machine, network), so a bridge that is made anew keeps the gateway's MAC, and two machines never share one. */
function bridgeMac(kernel: Kernel, network: string): string {
  const machine = kernel.proc.read('/etc/machine-id') ?? kernel.proc.read('/proc/sys/kernel/random/boot_id') ?? '';
  return macOf(sha256Hex(`bridge\0${machine}\0${network}`).slice(0, 12));
}

/**
 * The bridge's MAC, for the result. sysfs may show another namespace's devices; it shows ours when it knows our host end, whose
 * name is a hash.
 */
export async function readBridgeMac(kernel: Kernel, bridge: string, hostVeth: string): Promise<string | undefined> {
  if (kernel.proc.exists(`/sys/class/net/${hostVeth}`)) {
    const mac = kernel.proc.read(`/sys/class/net/${bridge}/address`);
    if (mac !== undefined) return mac;
  }
  return (await findLink(kernel, bridge))?.mac;
}
