/** What an attachment has, compared with what it should have. Changes nothing. */
import { isSet } from './chain.ts';
import { redirects } from './hook.ts';
import type { Ends } from './host-end.ts';
import { findIfb } from './ifb.ts';
import type { Limits, OwnerKey, Redirection } from './model.ts';
import { ifbName } from './names.ts';
import { differenceOf } from './queue.ts';
import { queueOf } from './shape.ts';
import type { Wire } from './wire.ts';

/** Each difference as a sentence; none when all is as it should be. @param redirection which one was chosen, where that is known. */
export function differences(
  wire: Wire,
  owner: OwnerKey,
  ends: Ends,
  { down, up, latency, exemption }: Limits,
  redirection?: Redirection,
): readonly string[] {
  const { host } = ends;
  const found: string[] = [];
  if (down !== undefined) {
    const difference = differenceOf(wire.host, host.index, queueOf(down, host.mtu, latency, exemption));
    if (difference !== undefined) found.push(`${host.name} ${difference}`);
  }
  if (up === undefined) return found;
  const queue = queueOf(up, host.mtu, latency);
  if (redirection === 'container') {
    const inside = wire.inside(ends.netns, (route) => differenceOf(route, ends.containerIndex, queue));
    return inside === undefined ? found : [...found, `the container's end ${inside}`];
  }
  const name = ifbName(owner);
  const ifb = findIfb(wire.host, owner);
  if (ifb === undefined) return [...found, `${name} is gone`];
  if (!ifb.up) found.push(`${name} is down`);
  const difference = differenceOf(wire.host, ifb.index, queue);
  if (difference !== undefined) found.push(`${name} ${difference}`);
  const target = { owner, ifbIndex: ifb.index, exemption };
  const isRedirected = redirects(wire.host, host.index, ifb.index) || isSet(wire.nft, { ...target, device: host.name });
  return isRedirected ? found : [...found, `${host.name} does not lead to ${name}`];
}
