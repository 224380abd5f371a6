/** Whether a device has an address, read from /proc/net (the files of our own namespace) instead of asking a process. */
import type { Cidr } from '@flatnet/addressing';
import type { Kernel } from '@flatnet/kernel';

/** Never says yes wrongly; a no only means that `ip` has to be asked. */
export const hasAddress = (kernel: Kernel, device: string, cidr: Cidr): boolean =>
  cidr.ip.family === 4 ? hasIpv4(kernel, device, cidr) : hasIpv6Address(kernel, device, cidr);

/** /proc/net/if_inet6: address, interface index, prefix length, scope and flags in hex, device. */
function hasIpv6Address(kernel: Kernel, device: string, cidr: Cidr): boolean {
  const length = cidr.prefix.toString(16).padStart(2, '0');
  return (kernel.proc.read('/proc/net/if_inet6') ?? '').split('\n').some((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[0] === cidr.ip.toHex() && fields[2] === length && fields[5] === device;
  });
}

/**
 * Two facts together: the address is one of the host's (/proc/net/fib_trie, "host LOCAL"), and the device has the route that the
 * kernel makes for that subnet (/proc/net/route, numbers in little-endian hex).
 */
function hasIpv4(kernel: Kernel, device: string, cidr: Cidr): boolean {
  const mask = (0xffffffffn << BigInt(32 - cidr.prefix)) & 0xffffffffn;
  const subnet = littleEndian(cidr.network.value);
  const routed = (kernel.proc.read('/proc/net/route') ?? '').split('\n').some((line) => {
    const fields = line.split('\t');
    return fields[0] === device && fields[1] === subnet && fields[7] === littleEndian(mask);
  });
  if (!routed) return false;
  const lines = (kernel.proc.read('/proc/net/fib_trie') ?? '').split('\n').map((line) => line.trim());
  return lines.some((line, index) => line === `|-- ${cidr.ip}` && lines[index + 1] === '/32 host LOCAL');
}

const littleEndian = (value: bigint): string =>
  (value.toString(16).padStart(8, '0').match(/../g) ?? []).reverse().join('').toUpperCase();
