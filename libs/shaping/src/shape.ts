/**
 * Sets the limits of an attachment:
 *
 *   to the container:    HOST end, root queue: tbf
 *   from the container:  HOST end, redirection -> IFB, root queue: tbf
 *
 * Order: the ifb is up and has its bucket before the redirection leads to it, so that a call that is killed leaves no packet dropped.
 */
import type { Link } from '@flatnet/netlink/route/link';
import { bucketOf } from './bucket.ts';
import { clearChain, setChain } from './chain.ts';
import { ShapingError } from './error.ts';
import { clearHook, setHook } from './hook.ts';
import { type Ends, insideIfThere, markedHostEnd, markHostEnd } from './host-end.ts';
import { ensureIfb, removeIfb } from './ifb.ts';
import type { Exemption, Limit, Limits, Owner, Redirection } from './model.ts';
import { loading, type Part } from './parts.ts';
import { clearQueue, type Queue, refuseForeignQueue, setQueue } from './queue.ts';
import { clearHostEnd } from './unshape.ts';
import type { Wire } from './wire.ts';

export interface Shaped {
  /** The link through which passes what the container sends; absent where that is not limited, or the kernel has no ifb. */
  readonly ifb?: Link;
  readonly redirection?: Redirection;
  /** What the kernel lacks, for the log. */
  readonly lacks: readonly Part[];
}

/** The queue of one direction. Subnets are told apart in front of an ifb, and in the queue of a host end. */
export const queueOf = (limit: Limit, mtu: number, latency?: number, exemption?: Exemption): Queue => ({
  bucket: bucketOf(limit, mtu, latency),
  mtu,
  ...(exemption === undefined ? {} : { exemption }),
});

/** Refuses before anything is changed. @throws ShapingError `foreign`. */
export const refuseForeign = (wire: Wire, { host }: Ends, { down }: Limits): void => {
  if (down !== undefined) refuseForeignQueue(wire.host, host);
};

/** Makes the limits what they should be, from whatever they are. @throws ShapingError, NetlinkError, SysError. */
export function shape(wire: Wire, owner: Owner, ends: Ends, limits: Limits): Shaped {
  const { host } = ends;
  const before = markedHostEnd(wire.host, owner);
  if (before !== undefined && before.index !== host.index) clearHostEnd(wire.host, before, owner);
  markHostEnd(wire.host, host, owner);
  const { down, up, latency, exemption } = limits;
  const lacks: Part[] = [];
  if (down === undefined) clearQueue(wire.host, host.index);
  else if (!setQueue(wire.host, host.index, queueOf(down, host.mtu, latency, exemption))) lacks.push('fq_codel');
  if (up === undefined) {
    clearUp(wire, owner, ends);
    return { lacks };
  }
  const { ifb, redirection, lacks: more } = shapeUp(wire, owner, ends, queueOf(up, host.mtu, latency), exemption);
  return { ...(ifb === undefined ? {} : { ifb }), redirection, lacks: [...new Set([...lacks, ...more])] };
}

type Up = Shaped & { readonly redirection: Redirection };

function shapeUp(wire: Wire, owner: Owner, ends: Ends, queue: Queue, exemption: Exemption | undefined): Up {
  const { host } = ends;
  const lacks: Part[] = [];
  const ifb = ensureIfb(wire.host, owner, host.mtu);
  if (ifb === undefined) lacks.push('ifb');
  else {
    if (!setQueue(wire.host, ifb.index, queue)) lacks.push('fq_codel');
    const target = { owner, ifbIndex: ifb.index, exemption };
    if (setChain(wire.nft, { ...target, device: host.name })) return { ifb, redirection: 'nft', lacks };
    lacks.push('nft_fwd_netdev');
    const hookLacks = setHook(wire.host, { ...target, index: host.index });
    if (hookLacks === undefined) return { ifb, redirection: 'u32', lacks };
    lacks.push(hookLacks);
    removeIfb(wire.host, owner);
  }
  shapeInside(wire, ends, { ...queue, ...(exemption === undefined ? {} : { exemption }) }, lacks);
  return { redirection: 'container', lacks };
}

/** The last resort: a container with CAP_NET_ADMIN can take it away. */
function shapeInside(wire: Wire, { netns, containerIndex: index }: Ends, queue: Queue, lacks: readonly Part[]): void {
  if (queue.exemption !== undefined) {
    const message = `the kernel cannot limit what a container sends by subnets: it lacks ${lacks.join(', ')}`;
    const next = `${loading(lacks)}, or leave shapedSubnets and unshapedSubnets out`;
    throw new ShapingError('unsupported', message, next);
  }
  wire.inside(netns, (route) => {
    refuseForeignQueue(route, { index, name: "the container's end" });
    setQueue(route, index, queue);
  });
}

/** No limit of what the container sends. */
function clearUp(wire: Wire, owner: Owner, { host, netns, containerIndex }: Ends): void {
  clearChain(wire.nft, owner);
  clearHook(wire.host, host.index, owner);
  removeIfb(wire.host, owner);
  insideIfThere(wire, netns, (route) => clearQueue(route, containerIndex));
}
