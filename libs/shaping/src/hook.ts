/** The redirection of what a container sends by u32 filters, for kernels without nft_fwd_netdev (before Linux 5.6). */
import { EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP } from '@flatnet/sys';
import { addFilter, deleteFilters, type Filter, type FilterSpec, listFilters } from '@flatnet/netlink/route/filter';
import { addIngress, deleteQdisc, listQdiscs } from '@flatnet/netlink/route/qdisc';
import { addAltName, deleteAltName } from '@flatnet/netlink/route/set-link';
import { handleOf, INGRESS_FILTERS, INGRESS_HANDLE } from '@flatnet/netlink/route/tc-header';
import { isErrno, isUnsupported, unless } from './error.ts';
import type { Exemption, OwnerKey } from './model.ts';
import { FIRST_PREFERENCE, hookMark } from './names.ts';
import type { Part } from './parts.ts';
import type { Route } from './wire.ts';

/** Exemptions are asked first: one preference for each family, then the redirection of all the rest. */
const [V4, V6, REST] = [FIRST_PREFERENCE, FIRST_PREFERENCE + 1, FIRST_PREFERENCE + 2];
/** A filter needs a class; at the hook for what comes it means nothing. */
const ANY_CLASS = handleOf(1, 1);

type HookPart = Extract<Part, 'sch_ingress' | 'cls_u32' | 'act_mirred'>;

export interface HookSpec {
  readonly owner: OwnerKey;
  readonly index: number;
  readonly ifbIndex: number;
  readonly exemption?: Exemption | undefined;
}

/** Makes the filters what they should be. @returns what the kernel lacks for them; undefined when they stand. @throws NetlinkError. */
export function setHook(route: Route, spec: HookSpec): HookPart | undefined {
  const { owner, index } = spec;
  let asked: HookPart = 'sch_ingress';
  try {
    addHook(route, index, owner);
    clearFilters(route, index);
    asked = 'cls_u32';
    for (const filter of filtersFor(spec)) route.request(addFilter(filter));
    return undefined;
  } catch (error) {
    const lacks = asked === 'cls_u32' && hasFilters(route, index) ? 'act_mirred' : asked;
    clearHook(route, index, owner);
    if (!isUnsupported(error)) throw error;
    return lacks;
  }
}

function filtersFor({ index, ifbIndex, exemption }: HookSpec): readonly FilterSpec[] {
  const { mode, subnets } = exemption ?? { mode: 'unshaped', subnets: [] };
  const filter = { index, parent: INGRESS_FILTERS, classId: ANY_CLASS } as const;
  const redirect = { redirectTo: ifbIndex };
  const bySubnet = subnets.map((subnet): FilterSpec => {
    const match = { field: 'destination', subnet } as const;
    const preference = subnet.includes(':') ? V6 : V4;
    return { ...filter, preference, match, ...(mode === 'shaped' ? redirect : {}) };
  });
  return mode === 'shaped' ? bySubnet : [...bySubnet, { ...filter, preference: REST, ...redirect }];
}

/** Whether a filter that does nothing stands: the kernel's word for a missing filter and for a missing action is the same. */
function hasFilters(route: Route, index: number): boolean {
  clearFilters(route, index);
  const nothing = { index, parent: INGRESS_FILTERS, classId: ANY_CLASS, preference: REST } as const;
  return unless([ENOENT, EOPNOTSUPP, EINVAL, ENODEV], () => route.request(addFilter(nothing)));
}

/** One that is there is another program's, and serves as well. */
function addHook(route: Route, index: number, owner: OwnerKey): void {
  // The kernel answers EEXIST or EINVAL where the hook is of another kind.
  if (route.dump(listQdiscs({ index })).some(({ handle }) => handle === INGRESS_HANDLE)) return;
  const made = unless([EEXIST], () => route.request(addIngress(index)));
  if (made) unless([EEXIST], () => route.request(addAltName({ index }, hookMark(owner))));
}

function clearFilters(route: Route, index: number): void {
  for (const preference of [V4, V6, REST]) {
    unless([ENOENT, EINVAL, ENODEV], () => route.request(deleteFilters(index, INGRESS_FILTERS, preference)));
  }
}

/** Takes our filters away, and the hook if we made it and no filter is left. */
export function clearHook(route: Route, index: number, owner: OwnerKey): void {
  clearFilters(route, index);
  const ours = unless([ENOENT, EINVAL, ENODEV], () => route.request(deleteAltName({ index }, hookMark(owner))));
  if (ours && filtersOf(route, index).length === 0) {
    unless([ENOENT, EINVAL, ENODEV], () => route.request(deleteQdisc(index, 'ingress')));
  }
}

/** Whether packets are sent to the link `ifbIndex`. */
export const redirects = (route: Route, index: number, ifbIndex: number): boolean =>
  filtersOf(route, index).some(({ redirectTo }) => redirectTo === ifbIndex);

function filtersOf(route: Route, index: number): readonly Filter[] {
  try {
    return route.dump(listFilters(index, INGRESS_FILTERS));
  } catch (error) {
    if (!isErrno(error, ENOENT, EINVAL, ENODEV)) throw error;
    return [];
  }
}
