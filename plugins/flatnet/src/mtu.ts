import { linkExists, type Kernel } from '@flatnet/kernel';

/** What the kernel gives a veth or bridge when it is given none. */
const KERNEL_DEFAULT = 1500;

/** The smallest MTU of the devices that have a default route, or the kernel's default on a host without one. Asked on a network's first ADD. */
export function uplinkMtu(kernel: Kernel): number {
  const routes = [
    ...kernel.rtnetlink.listRoutes({ family: 4, destination: '0.0.0.0/0' }),
    ...kernel.rtnetlink.listRoutes({ family: 6, destination: '::/0' }),
  ];
  // An unreachable default route of IPv6 is shown on lo.
  const devices = new Set(routes.flatMap(({ device }) => (device === undefined || device === 'lo' ? [] : [device])));
  const sizes = [...devices].filter((name) => linkExists(kernel, name)).map((name) => mtuOfDevice(kernel, name));
  return sizes.length === 0 ? KERNEL_DEFAULT : Math.min(...sizes);
}

/** The MTU of a device as its IPv6 side knows it (a file of our own namespace), else as its link has it. */
export function mtuOfDevice(kernel: Kernel, name: string): number {
  const size = Number(kernel.proc.read(`/proc/sys/net/ipv6/conf/${name}/mtu`));
  return size > 0 ? size : (kernel.rtnetlink.findLink(name)?.mtu ?? KERNEL_DEFAULT);
}
