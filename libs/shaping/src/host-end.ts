/** The host's end of a container's interface. */
import { EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, SysError } from '@flatnet/sys';
import type { Link } from '@flatnet/netlink/route/link';
import { getLink } from '@flatnet/netlink/route/read-link';
import { addAltName, deleteAltName } from '@flatnet/netlink/route/set-link';
import { ShapingError, unless } from './error.ts';
import type { OwnerKey } from './model.ts';
import { hostMark } from './names.ts';
import type { Route, Wire } from './wire.ts';

/** Both ends: in the host's namespace, and in that at `netns`. */
export interface Ends {
  readonly host: Link;
  readonly netns: string;
  readonly containerIndex: number;
}

/** There is no such link or name, or the kernel is older than alternative names (5.5). */
const ABSENT = [ENODEV, ENOENT, EINVAL, EOPNOTSUPP];

/**
 * Finds the other end of the container's veth.
 *
 * @param named names of the host's interfaces in the result of the plugins before: no other link is touched.
 * @throws ShapingError `no-interface`, `no-peer`. SysError: the namespace cannot be entered.
 */
export function endsOf(wire: Wire, netns: string, ifName: string, named: readonly string[]): Ends {
  const inside = wire.inside(netns, (route) => route.find(getLink({ name: ifName }), ENODEV));
  if (inside === undefined) {
    throw new ShapingError(
      'no-interface',
      `interface ${ifName} is not in ${netns}`,
      'chain this plugin behind a main plugin',
    );
  }
  const host = inside.kind === 'veth' ? peerOf(wire.host, inside) : undefined;
  if (host === undefined) {
    throw new ShapingError(
      'no-peer',
      `container interface ${ifName} has no veth peer`,
      'chain it behind flatnet, bridge or ptp',
    );
  }
  if (!named.includes(host.name)) {
    const next = 'let the plugin that made it name it in its result';
    throw new ShapingError(
      'no-peer',
      `container interface ${ifName} has no veth peer in prevResult: it is ${host.name}`,
      next,
    );
  }
  return { host, netns, containerIndex: inside.index };
}

/** Indexes are counted in each namespace: the peer must mean this end, too. */
function peerOf(route: Route, { index, parentIndex }: Link): Link | undefined {
  if (parentIndex === undefined) return undefined;
  const host = route.find(getLink({ index: parentIndex }), ENODEV);
  return host?.kind === 'veth' && host.parentIndex === index ? host : undefined;
}

/** Writes on the host end whose it is; an end that had the mark before loses it. Kernels before 5.5 have no such names. */
export function markHostEnd(route: Route, { index }: Pick<Link, 'index'>, owner: OwnerKey): void {
  const mark = hostMark(owner);
  const marked = route.find(getLink({ altName: mark }), ...ABSENT);
  if (marked?.index === index) return;
  if (marked !== undefined) unmarkHostEnd(route, marked, owner);
  unless([EEXIST, EOPNOTSUPP, EINVAL], () => route.request(addAltName({ index }, mark)));
}

export const unmarkHostEnd = (route: Route, { index }: Pick<Link, 'index'>, owner: OwnerKey): void =>
  void unless(ABSENT, () => route.request(deleteAltName({ index }, hostMark(owner))));

/** The host end that an attachment's limit is on. */
export const markedHostEnd = (route: Route, owner: OwnerKey): Link | undefined =>
  route.find(getLink({ altName: hostMark(owner) }), ...ABSENT);

/** Does `work` inside of the container; answers undefined where its namespace is gone, or is another's by now. */
export function insideIfThere<T>(wire: Wire, netns: string, work: (route: Route) => T): T | undefined {
  try {
    return wire.inside(netns, work);
  } catch (error) {
    if (error instanceof SysError && (error.call === 'open' || error.call === 'setns')) return undefined;
    throw error;
  }
}
