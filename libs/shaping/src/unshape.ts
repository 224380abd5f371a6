/** Takes the limits of an attachment away, by its names alone. */
import type { Link } from '@flatnet/netlink/route/link';
import { listLinks } from '@flatnet/netlink/route/read-link';
import { chainNames, clearChain } from './chain.ts';
import { toTheEnd } from './error.ts';
import { clearHook } from './hook.ts';
import { markedHostEnd, unmarkHostEnd } from './host-end.ts';
import { removeIfb } from './ifb.ts';
import type { OwnerKey } from './model.ts';
import { ownerOf } from './names.ts';
import { clearQueue } from './queue.ts';
import type { Route, Wire } from './wire.ts';

/** All that is on a host end, its mark last: until then the next call finds it. */
export function clearHostEnd(route: Route, host: Link, owner: OwnerKey): void {
  toTheEnd(
    () => clearHook(route, host.index, owner),
    () => clearQueue(route, host.index),
  );
  unmarkHostEnd(route, host, owner);
}

/**
 * Takes away what an attachment has here, whatever is left of it; success when that is nothing. Goes on to the end and throws the first
 * failure. The redirection goes before the ifb, since packets for a link that is gone are dropped.
 */
export function unshape(wire: Wire, owner: OwnerKey): void {
  toTheEnd(
    () => clearChain(wire.nft, owner),
    () => {
      const host = markedHostEnd(wire.host, owner);
      if (host !== undefined) clearHostEnd(wire.host, host, owner);
    },
    () => removeIfb(wire.host, owner),
  );
}

/** The attachments that have something here, by what the kernel has: marks of host ends, ifbs and chains. */
export function ownersIn(wire: Wire): readonly OwnerKey[] {
  const links = wire.host.dump(listLinks());
  const names = [
    ...links.flatMap(({ altNames, kind, alias }) => [...altNames, ...(kind === 'ifb' && alias ? [alias] : [])]),
    ...chainNames(wire.nft),
  ];
  const owners = names.flatMap((name) => ownerOf(name) ?? []);
  return [...new Map(owners.map((owner) => [`${owner.networkHash}${owner.hash}`, owner])).values()];
}
