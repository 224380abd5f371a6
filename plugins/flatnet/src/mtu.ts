import { findLink, linkExists, type Kernel } from '@flatnet/kernel';

/** /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask …; a default route has destination and mask 0. */
function defaultDevices4(table: string): string[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1] === '00000000' && fields[7] === '00000000')
    .flatMap((fields) => fields[0] ?? []);
}

const RTF_REJECT = 0x200;

/** /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, refs, uses, flags, device. */
function defaultDevices6(table: string): string[] {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      (fields) =>
        /^0{32}$/.test(fields[0] ?? '') &&
        fields[1] === '00' &&
        (Number.parseInt(fields[8] ?? '0', 16) & RTF_REJECT) === 0,
    )
    .flatMap((fields) => fields[9] ?? []);
}

/** What the kernel gives a veth or bridge when nobody says otherwise. */
const KERNEL_DEFAULT = 1500;

/** The smallest MTU of the devices that have a default route, or the kernel's default on a host without one. */
export async function uplinkMtu(kernel: Kernel): Promise<number> {
  const devices = new Set([
    ...defaultDevices4(kernel.proc.read('/proc/net/route') ?? ''),
    ...defaultDevices6(kernel.proc.read('/proc/net/ipv6_route') ?? ''),
  ]);
  devices.delete('lo');
  const sizes = await Promise.all(
    [...devices].filter((name) => linkExists(kernel, name)).map((name) => mtuOfDevice(kernel, name)),
  );
  return sizes.length === 0 ? KERNEL_DEFAULT : Math.min(...sizes);
}

/** The MTU of a device as its IPv6 side knows it (a file of our own namespace), else by asking `ip`. */
export async function mtuOfDevice(kernel: Kernel, name: string): Promise<number> {
  const size = Number(kernel.proc.read(`/proc/sys/net/ipv6/conf/${name}/mtu`));
  return size > 0 ? size : ((await findLink(kernel, name))?.mtu ?? KERNEL_DEFAULT);
}
