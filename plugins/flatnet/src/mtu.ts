import { findLink, linkExists, listDefaultRoutes, type Kernel } from '@flatnet/kernel';

/** What the kernel gives a veth or bridge when it is given none. */
const KERNEL_DEFAULT = 1500;

/** The smallest MTU of the devices that have a default route, or the kernel's default on a host without one. Asked on a network's first ADD. */
export async function uplinkMtu(kernel: Kernel): Promise<number> {
  const routes = [...(await listDefaultRoutes(kernel, 4)), ...(await listDefaultRoutes(kernel, 6))];
  const devices = new Set(routes.flatMap(({ dev }) => (dev === undefined || dev === 'lo' ? [] : [dev])));
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
