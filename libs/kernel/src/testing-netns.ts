/** The kernel of another network namespace, for tests that have one of their own. */
import type { Run } from '@flatnet/exec';
import { closeSocket, NETLINK_NETFILTER, openSocket } from '@flatnet/netlink';
import { openNodeSys } from '@flatnet/sys/node';
import { nftByNetlink } from './nft/by-netlink.ts';
import type { Nft } from './nft/nft.ts';

/**
 * @param netns path of the namespace, which lives until `close`.
 * @param run starts programs in it.
 */
export function nftIn(netns: string, run: Run): Nft & { close(): void } {
  const socket = openSocket(openNodeSys(), NETLINK_NETFILTER, { netns });
  return { ...nftByNetlink(() => socket, run), close: () => closeSocket(socket) };
}
