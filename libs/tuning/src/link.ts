/** Settings of an interface, by netlink. */
import { ENODEV } from '@flatnet/sys';
import { find, NetlinkError, request, type Socket } from '@flatnet/netlink';
import { IFF_ALLMULTI, IFF_PROMISC } from '@flatnet/netlink/route/constants';
import { getLink } from '@flatnet/netlink/route/read-link';
import { setLink } from '@flatnet/netlink/route/set-link';
import { TuningError } from './error.ts';
import type { LinkTuning } from './model.ts';

const KEYS = ['mac', 'mtu', 'promiscuous', 'allMulticast', 'txQueueLength'] as const;

/** Which interface it is: names and paths of namespaces, and even their inodes, are used again; the host's end of a veth is not. */
export interface LinkIdentity {
  readonly index: number;
  readonly parentIndex?: number;
}

/** What the interface has of what `wanted` names, and which it is. @throws TuningError `no-interface`. */
export function readTuning(
  socket: Socket,
  ifName: string,
  wanted: LinkTuning,
): { readonly values: LinkTuning; readonly identity: LinkIdentity } {
  const link = find(socket, getLink({ name: ifName }), ENODEV);
  if (link === undefined) {
    const next = 'chain this plugin behind the one that makes it';
    throw new TuningError('no-interface', `interface ${ifName} is not in the container`, next);
  }
  const { index, parentIndex, mac, mtu, flags, txQueueLength } = link;
  const present = {
    ...(mac === undefined ? {} : { mac }),
    ...{ mtu, promiscuous: (flags & IFF_PROMISC) !== 0, allMulticast: (flags & IFF_ALLMULTI) !== 0, txQueueLength },
  };
  return {
    values: Object.fromEntries(KEYS.flatMap((key) => (wanted[key] === undefined ? [] : [[key, present[key]]]))),
    identity: { index, ...(parentIndex === undefined ? {} : { parentIndex }) },
  };
}

/** @throws TuningError `refused`: the kernel does not take a value, with its words. */
export function tuneLink(socket: Socket, ifName: string, tuning: LinkTuning): void {
  if (KEYS.every((key) => tuning[key] === undefined)) return;
  try {
    request(socket, setLink({ name: ifName }, tuning));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const reason = error.reason === undefined ? error.code : `${error.code} (${error.reason})`;
    const words = KEYS.flatMap((key) => (tuning[key] === undefined ? [] : [`${key} ${tuning[key]}`])).join(', ');
    const next = 'give values that the interface can have';
    throw new TuningError('refused', `the kernel refused ${words} for ${ifName}: ${reason}`, next, { cause: error });
  }
}
