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

/** A setting's path below /proc/sys/net as sysctl(8) spells it: dots and slashes change places, since an interface's name may have dots. */
export const settingName = (key: string): string =>
  ['net', ...key.split('/').map((part) => part.replaceAll('.', '/'))].join('.');

/**
 * Makes settings of our own namespace what they should be. One that is right already is not written: /proc/sys is read-only in
 * a container that is not privileged, and its owner has set what is needed. One that this kernel does not have is left out.
 *
 * @returns the settings that cannot be written, as `net.ipv6.conf.eth0.accept_ra=0`.
 */
export function ensureSysctls(kernel: Kernel, settings: Sysctls): readonly string[] {
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
export function requireSysctls(kernel: Kernel, settings: Sysctls): void {
  const [first] = ensureSysctls(kernel, settings);
  if (first === undefined) return;
  const why = `it cannot be written here; run where /proc/sys is writable: sysctl -w ${first}`;
  throw new ToolError('sysctl', 'failed', `set ${first}`, why);
}

/**
 * Makes settings in the namespace at `netns`, which takes a process that goes there. One that this kernel does not have is left out
 * (`-e`).
 *
 * @param needed keys of those without which the interface cannot work.
 * @returns the settings that cannot be written and are not needed, as `ensureSysctls`.
 * @throws ToolError.
 */
export async function applySysctls(
  kernel: Kernel,
  netns: string,
  settings: Sysctls,
  needed: readonly string[] = [],
): Promise<readonly string[]> {
  const words = Object.entries(settings).map(([key, value]) => `net/${key}=${value}`);
  if (words.length === 0) return [];
  const [file, args] = inNetns(netns, ['sysctl', ['-e', '-q', '-w', ...words]]);
  const result = await kernel.run(file, args);
  if (result.ending === 'exit' && result.exitCode === 0) return [];
  const doing = `configure the interface in ${netns}`;
  if (result.ending !== 'exit') {
    const kind = result.ending === 'timeout' || result.ending === 'aborted' ? result.ending : 'failed';
    throw new ToolError('sysctl', kind, doing, result.ending);
  }
  const said = result.stderr.trim().slice(0, 400) || `exit code ${result.exitCode}`;
  const present = await readSysctls(kernel, netns, Object.keys(settings));
  if (present === undefined) throw new ToolError('sysctl', 'failed', doing, said);
  const different = Object.entries(settings).filter(
    ([key, value]) => present.has(settingName(key)) && present.get(settingName(key)) !== value,
  );
  const missing = different.find(([key]) => needed.includes(key));
  if (missing === undefined) return different.map(([key, value]) => `${settingName(key)}=${value}`);
  const next = `set ${settingName(missing[0])}=${missing[1]} in the container's namespace, or make its /proc/sys writable`;
  throw new ToolError('sysctl', 'failed', doing, `${said}; ${next}`);
}

/** Name -> value of the settings that the kernel has; undefined when the namespace cannot be asked. */
async function readSysctls(
  kernel: Kernel,
  netns: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const [file, args] = inNetns(netns, ['sysctl', ['-e', ...keys.map((key) => `net/${key}`)]]);
  const result = await kernel.run(file, args);
  if (result.ending !== 'exit' || result.exitCode !== 0) return undefined;
  return new Map(
    result.stdout.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf(' = ');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 3)]];
    }),
  );
}
