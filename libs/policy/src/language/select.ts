/** Which policies hold for a container. Pure. */
import { matches } from './patterns.ts';
import type { Allowance, Direction, Peer, Policy } from './model.ts';

/** What holds for one container: a direction that is here is closed, but for what the list allows. */
export type Verdicts = { readonly [D in Direction]?: readonly Allowance[] };

/** A policy's name that the network does not have. */
export interface UnknownPick {
  readonly unknown: string;
}

/**
 * The policies that name the container, or that it picks by name.
 *
 * @param picks names; `NETWORK:NAME` speaks to that network alone.
 */
export function select(
  policies: readonly Policy[],
  network: string,
  names: readonly string[],
  picks: readonly string[],
): readonly Policy[] | UnknownPick {
  const own = new Set<string>();
  for (const pick of picks) {
    const at = pick.indexOf(':');
    if (at >= 0 && pick.slice(0, at) !== network) continue;
    const name = pick.slice(at + 1);
    if (!policies.some((policy) => policy.name === name)) return { unknown: pick };
    own.add(name);
  }
  return policies.filter(
    ({ name, containers }) =>
      (name !== undefined && own.has(name)) ||
      containers === undefined ||
      containers.some((pattern) => matches(pattern, names)),
  );
}

/** All that any of the policies allows. */
export function verdictsOf(policies: readonly Policy[]): Verdicts {
  const union = (direction: Direction): Verdicts => {
    const lists = policies.flatMap((policy) => (policy[direction] === undefined ? [] : [policy[direction]]));
    return lists.length === 0 ? {} : { [direction]: lists.flat() };
  };
  return { ...union('ingress'), ...union('egress') };
}

/** The patterns by which any policy means a container as a peer. */
export function peerPatterns(policies: readonly Pick<Policy, Direction>[]): readonly string[] {
  const peers = policies
    .flatMap(({ ingress = [], egress = [] }) => [...ingress, ...egress])
    .flatMap((allowance): readonly Peer[] => allowance.peers ?? []);
  return [...new Set(peers.flatMap((peer) => ('container' in peer ? [peer.container] : [])))];
}
