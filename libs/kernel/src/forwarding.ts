/**
 * Forwarding changes more of a host than its name says, so it is switched on with its consequences.
 *
 * IPv4: `ip_forward=1` makes the kernel switch `conf.all.accept_redirects` off and large receive offload of all devices: a router
 * (RFC 1812) follows no redirects.
 *
 * IPv6: `conf.all.forwarding=1` makes the host a router, which forgets default routes that came by router advertisement at once and
 * hears no later ones, unless the interface has `accept_ra=2`. From Linux 6.17 on `force_forwarding` forwards without that: a packet passes
 * where the interface that it came by has it. `all` is copied to the interfaces that are there, and `default` to those that come later.
 */
import type { Kernel } from './kernel.ts';
import { hasIpv6, requireSysctls, settingName, type Sysctls } from './sysctl.ts';

const CONF6 = 'ipv6/conf';
const FORWARDING6 = `${CONF6}/all/forwarding`;
const forceOf = (name: string): string => `${CONF6}/${name}/force_forwarding`;
const FORCE6 = forceOf('all');

const valueOf = (kernel: Pick<Kernel, 'proc'>, key: string): string | undefined =>
  kernel.proc.read(`/proc/sys/net/${key}`);

/**
 * Whether the host forwards packets of this family; undefined where the kernel has no such setting.
 *
 * @param devices the interfaces that they come by; when absent, all of now and later. One that is not there yet is as `default`.
 */
export function isForwarding(
  kernel: Pick<Kernel, 'proc'>,
  family: 4 | 6,
  devices: readonly string[] = ['all', 'default'],
): boolean | undefined {
  const value = valueOf(kernel, family === 4 ? 'ipv4/ip_forward' : FORWARDING6);
  if (family === 4 || (value ?? '0') !== '0') return value === undefined ? undefined : value !== '0';
  const later = valueOf(kernel, forceOf('default'));
  const forced = devices.map((name) => valueOf(kernel, forceOf(name)) ?? later);
  if (forced.every((each) => each === undefined)) return value === undefined ? undefined : false;
  return forced.every((each) => (each ?? '0') !== '0');
}

/** The setting that switches forwarding on, on this kernel. */
export function forwardingKey(kernel: Pick<Kernel, 'proc'>, family: 4 | 6): string {
  if (family === 4) return 'ipv4/ip_forward';
  return valueOf(kernel, FORCE6) === undefined ? FORWARDING6 : FORCE6;
}

/** Lets the host forward what comes by `device`. @throws ToolError that names the setting; what was written before it stays. */
export function ensureForwarding(kernel: Pick<Kernel, 'proc'>, family: 4 | 6, device?: string): void {
  const devices = [...(device === undefined ? [] : [device]), 'default'];
  if (isForwarding(kernel, family, devices) !== false) return;
  for (const [key, value] of forwardingSettings(kernel, family)) requireSysctls(kernel, { [key]: value });
}

/**
 * The settings that let the host forward, in the order in which they are to be written: keys below /proc/sys/net and values.
 *
 * A generator, since the interfaces are listed after `default` was written: one that appears meanwhile takes after it, or is listed.
 */
export function* forwardingSettings(
  kernel: Pick<Kernel, 'proc'>,
  family: 4 | 6,
): Generator<readonly [key: string, value: string]> {
  const key = forwardingKey(kernel, family);
  if (key === FORCE6) return yield* forceSettings(kernel);
  if (key === FORWARDING6) {
    yield* Object.entries(keptAdvertisements(kernel, ['default']));
    yield* Object.entries(keptAdvertisements(kernel, interfacesOf(kernel)));
  }
  yield [key, '1'];
}

function* forceSettings(kernel: Pick<Kernel, 'proc'>): Generator<readonly [key: string, value: string]> {
  const isOff = (name: string): boolean => valueOf(kernel, forceOf(name)) === '0';
  if (isOff('default')) yield [forceOf('default'), '1'];
  if (isOff('all')) return yield [FORCE6, '1'];
  // They came after `all` was written, and `default` was not.
  for (const name of interfacesOf(kernel).filter(isOff)) yield [forceOf(name), '1'];
}

const interfacesOf = (kernel: Pick<Kernel, 'proc'>): readonly string[] =>
  kernel.proc.list(`/proc/sys/net/${CONF6}`).filter((name) => !PSEUDO.has(name));

/**
 * What lets interfaces that hear router advertisements as hosts go on hearing them as routers. One that hears none stays deaf.
 *
 * @param names `default` stands for the interfaces that come later: they hear what they would have heard without us.
 */
export function keptAdvertisements(kernel: Pick<Kernel, 'proc'>, names: readonly string[]): Sysctls {
  const listening = names.filter(
    (name) =>
      valueOf(kernel, `${CONF6}/${name}/accept_ra`) === '1' && valueOf(kernel, `${CONF6}/${name}/forwarding`) === '0',
  );
  return Object.fromEntries(listening.map((name) => [`${CONF6}/${name}/accept_ra`, '2']));
}

const PSEUDO = new Set(['all', 'default', 'lo']);

/** The setting that keeps IPv6 off a device, as `net.…`; undefined when IPv6 works there. @param device need not exist yet. */
export function ipv6Obstacle(
  kernel: Pick<Kernel, 'proc'>,
  device: string,
): { readonly what: string; readonly next: string } | undefined {
  if (!hasIpv6(kernel)) {
    const next = 'boot without ipv6.disable=1, or remove the IPv6 ranges from the network';
    return { what: 'the kernel has no IPv6 (/proc/sys/net/ipv6 does not exist)', next };
  }
  const own = `${CONF6}/${device}/disable_ipv6`;
  const key = valueOf(kernel, own) === undefined ? `${CONF6}/default/disable_ipv6` : own;
  if (valueOf(kernel, key) !== '1') return undefined;
  const name = settingName(key);
  const next = `sysctl -w ${name}=0, or remove the IPv6 ranges from the network`;
  return { what: `${name} is 1, so ${device} can have no IPv6 address`, next };
}
