/** The ifb through which passes what a container sends: a queue can only hold what leaves a link. */
import { EEXIST, ENODEV } from '@flatnet/sys';
import type { Link } from '@flatnet/netlink/route/link';
import { newLink } from '@flatnet/netlink/route/new-link';
import { getLink } from '@flatnet/netlink/route/read-link';
import { deleteLink, setLink } from '@flatnet/netlink/route/set-link';
import { isUnsupported, ShapingError, unless } from './error.ts';
import type { Owner, OwnerKey } from './model.ts';
import { ifbAlias, ifbName } from './names.ts';
import type { Route } from './wire.ts';

export const findIfb = (route: Route, owner: OwnerKey): Link | undefined => {
  const link = route.find(getLink({ name: ifbName(owner) }), ENODEV);
  return link?.kind === 'ifb' ? link : undefined;
};

/** Makes it, or takes the one that is there, and sets it up. @returns undefined: the kernel has none. @throws ShapingError `foreign`. */
export function ensureIfb(route: Route, owner: Owner, mtu: number): Link | undefined {
  const name = ifbName(owner);
  try {
    unless([EEXIST], () => route.request(newLink({ kind: 'ifb', name, mtu })));
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return undefined;
  }
  const ifb = findIfb(route, owner);
  if (ifb === undefined) {
    const next = `remove it: ip link delete ${name}`;
    throw new ShapingError('foreign', `a link of another kind has the name ${name}`, next);
  }
  // A link that is down drops what is sent to it: it is up before the redirection.
  route.request(setLink({ index: ifb.index }, { alias: ifbAlias(owner), up: true, mtu }));
  return ifb;
}

/** Success when there is none. */
export function removeIfb(route: Route, owner: OwnerKey): void {
  const ifb = findIfb(route, owner);
  if (ifb !== undefined) unless([ENODEV], () => route.request(deleteLink({ index: ifb.index })));
}
