import { ToolError } from '@flatnet/exec';
import type { Kernel } from './kernel.ts';
import { inNetns } from './netns.ts';

/** Settings below /proc/sys/net, as path below it -> value: `ipv6/conf/eth0/accept_ra` -> `0`. Interface names are validated. */
export type Sysctls = Readonly<Record<string, string>>;

/** Whether a device is there in our own namespace, for the price of one stat(2). */
export const linkExists = (kernel: Kernel, name: string): boolean =>
  kernel.proc.exists(`/proc/sys/net/ipv4/conf/${name}`);

/** Whether the kernel has IPv6 at all. */
export const hasIpv6 = (kernel: Kernel): boolean => kernel.proc.exists('/proc/sys/net/ipv6');

/**
 * Makes settings of our own namespace what they should be. One that is right already is not written: /proc/sys is read-only in
 * rootless namespaces, and often right.
 *
 * @throws ToolError that names the setting.
 */
export function ensureSysctls(kernel: Kernel, settings: Sysctls): void {
  for (const [key, value] of Object.entries(settings)) {
    const path = `/proc/sys/net/${key}`;
    const present = kernel.proc.read(path);
    if (present === undefined || present === value) continue;
    try {
      kernel.proc.write(path, value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ToolError('sysctl', 'failed', `set net.${key.replaceAll('/', '.')} to ${value}`, why);
    }
  }
}

/**
 * Sets settings in the namespace at `netns`, which takes a process that goes there. Settings that this kernel does not have are left
 * out silently (`-e`).
 *
 * @throws ToolError.
 */
export async function applySysctls(kernel: Kernel, netns: string, settings: Sysctls): Promise<void> {
  const words = Object.entries(settings).map(([key, value]) => `net/${key}=${value}`);
  if (words.length === 0) return;
  const [file, args] = inNetns(netns, ['sysctl', ['-e', '-q', '-w', ...words]]);
  const result = await kernel.run(file, args);
  if (result.ending === 'exit' && result.exitCode === 0) return;
  const why =
    result.ending === 'exit' ? result.stderr.trim().slice(0, 400) || `exit code ${result.exitCode}` : result.ending;
  const kind = result.ending === 'timeout' || result.ending === 'aborted' ? result.ending : 'failed';
  throw new ToolError('sysctl', kind, `configure the interface in ${netns}`, why);
}
