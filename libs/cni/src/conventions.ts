/** What flatnet's executables agree on among themselves, and `flatnetctl` with them. */
import { isInterfaceName, networkHash } from './names.ts';

/** Where leases are kept when a configuration gives no `dataDir`: on a tmpfs, since no lease outlives a boot. */
export const DEFAULT_DATA_DIR = '/run/cni/flatnet';

/** `fl-NETWORK` where that is a legal interface name, else `fl-` and 12 hex digits of the network's hash. */
export function defaultBridge(network: string): string {
  const plain = `fl-${network}`;
  return isInterfaceName(plain) ? plain : `fl-${networkHash(network)}`;
}

/** 12 hex digits as a unicast, locally administered MAC: a container's, unless one is asked for, is made of the last 12 of its attachment's hash. */
export function macOf(hex: string): string {
  const first = ((Number.parseInt(hex.slice(0, 2), 16) & 0xfc) | 0x02).toString(16).padStart(2, '0');
  return [first, ...(hex.slice(2).match(/../g) ?? [])].join(':');
}
