/** What flatnet's executables agree on among themselves, and `flatnetctl` with them. */
import { sha256Hex } from '@flatnet/digest';
import { isInterfaceName, networkHash } from './names.ts';

/** Where leases are kept when a configuration gives no `dataDir`: on a tmpfs, since no lease outlives a boot. */
export const DEFAULT_DATA_DIR = '/run/cni/flatnet';

/** `fl-NETWORK` where that is a legal interface name, else `fl-` and 12 hex digits of the network's hash. */
export function defaultBridge(network: string): string {
  const plain = `fl-${network}`;
  return isInterfaceName(plain) ? plain : `fl-${networkHash(network)}`;
}

/** 12 hex digits as a unicast, locally administered MAC. */
export function macOf(hex: string): string {
  const first = ((Number.parseInt(hex.slice(0, 2), 16) & 0xfc) | 0x02).toString(16).padStart(2, '0');
  return [first, ...(hex.slice(2).match(/../g) ?? [])].join(':');
}

/** The MAC of a thing (`bridge`, `container`) that keeps its MAC when it is made anew: the same parts give the same MAC on one machine. */
export const stableMac = (thing: 'bridge' | 'container', machine: string, ...parts: readonly string[]): string =>
  macOf(sha256Hex([thing, machine, ...parts].join('\0')).slice(0, 12));
