/** What flatnet's executables agree on among themselves, and `flatnetctl` with them. */
import { isInterfaceName, networkHash } from './names.ts';

/** Where leases are kept when a configuration gives no `dataDir`: on a tmpfs, since no lease outlives a boot. */
export const DEFAULT_DATA_DIR = '/run/cni/flatnet';

/** `fl-NETWORK` where that is a legal interface name, else `fl-` and 12 hex digits of the network's hash. */
export function defaultBridge(network: string): string {
  const plain = `fl-${network}`;
  return isInterfaceName(plain) ? plain : `fl-${networkHash(network)}`;
}
