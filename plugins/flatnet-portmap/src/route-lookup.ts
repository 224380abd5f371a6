import type { ProcFiles } from '@flatnet/kernel';
import type { RouteLookup } from './plan.ts';

/** Columns of /proc/net/route: `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, numbers in hex, bytes in the host's order. */
const IFACE = 0;
const DESTINATION = 1;
const MASK = 7;

const fromLittleEndian = (hex: string): number => Number.parseInt(hex.match(/../g)?.reverse().join('') ?? '', 16);

const fromDotted = (address: string): number =>
  address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);

const and = (a: number, b: number): number => (a & b) >>> 0;

/** The longest matching route of the main table: one file, where `ip route get` would be a process. */
export const routeLookup =
  (proc: ProcFiles): RouteLookup =>
  (address) => {
    const wanted = fromDotted(address);
    let best: { mask: number; iface: string } | undefined;
    for (const line of (proc.read('/proc/net/route') ?? '').split('\n').slice(1)) {
      const columns = line.split('\t');
      const mask = fromLittleEndian(columns[MASK] ?? '');
      // The default route leads away from the host: a container is never behind it.
      if (!(mask > 0) || and(wanted, mask) !== fromLittleEndian(columns[DESTINATION] ?? '')) continue;
      if (best === undefined || mask > best.mask) best = { mask, iface: columns[IFACE] ?? '' };
    }
    return best?.iface;
  };
