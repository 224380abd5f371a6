import { ToolError } from '@flatnet/exec';
import type { Kernel } from './kernel.ts';
import type { ProcFiles } from './proc.ts';

/** Settings below /proc/sys/net, as path below it -> value: `ipv6/conf/eth0/accept_ra` -> `0`. Interface names are validated. */
export type Sysctls = Readonly<Record<string, string>>;

/** Whether a device is there in our own namespace, for the price of one stat(2). */
export const linkExists = (kernel: Pick<Kernel, 'proc'>, name: string): boolean =>
  kernel.proc.exists(`/proc/sys/net/ipv4/conf/${name}`);

/** Whether the kernel has IPv6 at all. */
export const hasIpv6 = (kernel: Pick<Kernel, 'proc'>): boolean => kernel.proc.exists('/proc/sys/net/ipv6');

/** A setting's path below /proc/sys/net as sysctl(8) spells it: dots and slashes change places, since an interface's name may have dots. */
export const settingName = (key: string): string =>
  ['net', ...key.split('/').map((part) => part.replaceAll('.', '/'))].join('.');

/**
 * Makes settings of our own namespace what they should be. One that is right already is not written: /proc/sys is read-only in
 * a container that is not privileged, and its owner has set what is needed. One that this kernel does not have is left out.
 *
 * @returns the settings that cannot be written, as `net.ipv6.conf.eth0.accept_ra=0`.
 */
export function ensureSysctls(kernel: Pick<Kernel, 'proc'>, settings: Sysctls): readonly string[] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const path = `/proc/sys/net/${key}`;
    const present = kernel.proc.read(path);
    if (present === undefined || present === value) return [];
    try {
      kernel.proc.write(path, value);
      return [];
    } catch {
      // An interface that went away meanwhile took the setting along.
      if (kernel.proc.read(path) === undefined) return [];
      return [`${settingName(key)}=${value}`];
    }
  });
}

/** As `ensureSysctls`, for what must be so. @throws ToolError that names the setting and the next step. */
export function requireSysctls(kernel: Pick<Kernel, 'proc'>, settings: Sysctls): void {
  const [first] = ensureSysctls(kernel, settings);
  if (first === undefined) return;
  const why = `it cannot be written here; run where /proc/sys is writable: sysctl -w ${first}`;
  throw new ToolError('sysctl', 'failed', `set ${first}`, why);
}

/**
 * Makes settings in the namespace at `netns`. One that this kernel does not have is left out.
 *
 * @param needed keys of those without which the interface cannot work.
 * @returns the settings that cannot be written and are not needed, as `ensureSysctls`.
 * @throws ToolError.
 */
export function applySysctls(
  kernel: Pick<Kernel, 'inNetns'>,
  netns: string,
  settings: Sysctls,
  needed: readonly string[] = [],
): readonly string[] {
  // In a new namespace nearly all differ, so they are written without a look.
  const unwritten = kernel.inNetns(netns, (proc) =>
    Object.entries(settings).filter(([key, value]) => !write(proc, key, value)),
  );
  const missing = unwritten.find(([key]) => needed.includes(key));
  if (missing === undefined) return unwritten.map(([key, value]) => `${settingName(key)}=${value}`);
  const setting = `${settingName(missing[0])}=${missing[1]}`;
  const next = `set ${setting} in the container's namespace, or make its /proc/sys writable`;
  throw new ToolError(
    'sysctl',
    'failed',
    `configure the interface in ${netns}`,
    `${setting} cannot be written; ${next}`,
  );
}

/** Whether the setting is as wanted, or the kernel does not have it. */
function write(proc: ProcFiles, key: string, value: string): boolean {
  const path = `/proc/sys/net/${key}`;
  try {
    proc.write(path, value);
    return true;
  } catch {
    const present = proc.read(path);
    return present === undefined || present === value;
  }
}
