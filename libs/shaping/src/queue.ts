/** The queue of one link: a token bucket at its root, or classes when some subnets pass freely. Applied so often as is wanted. */
import { EINVAL, ENODEV, ENOENT } from '@flatnet/sys';
import { replaceClass } from '@flatnet/netlink/route/class';
import { addFilter, deleteFilters } from '@flatnet/netlink/route/filter';
import {
  deleteQdisc,
  isSameBucket,
  listQdiscs,
  type Qdisc,
  replaceClasses,
  replaceFairQueue,
  replaceTokenBucket,
  type TokenBucket,
} from '@flatnet/netlink/route/qdisc';
import { TC_H_ROOT } from '@flatnet/netlink/route/tc-header';
import { fairQueueOf } from './bucket.ts';
import { isUnsupported, reasonOf, ShapingError, unless } from './error.ts';
import type { Exemption } from './model.ts';
import { FREE_CLASS, HANDLES, isOurs, LIMITED_CLASS } from './names.ts';
import { loading, type Part, PARTS } from './parts.ts';
import type { Route } from './wire.ts';

/** What a link's queue shall be. */
export interface Queue {
  readonly bucket: TokenBucket;
  readonly mtu: number;
  /** By the source of a packet: for what leaves towards a container. */
  readonly exemption?: Exemption;
}

const rootOf = (qdiscs: readonly Qdisc[]): Qdisc | undefined => qdiscs.find(({ parent }) => parent === TC_H_ROOT);

/** @throws ShapingError `foreign`: another program has set the link's queue. The kernel's own default has no handle. */
export function refuseForeignQueue(route: Route, link: { readonly index: number; readonly name: string }): void {
  const root = rootOf(route.dump(listQdiscs(link)));
  if (root === undefined || root.handle === 0 || isOurs(root.handle)) return;
  const handle = (root.handle >>> 16).toString(16);
  throw new ShapingError(
    'foreign',
    `${link.name} has a queue ${root.kind} ${handle}: that another program has set`,
    `remove it: tc qdisc delete dev ${link.name} root`,
  );
}

/** Sets the queue in place of an earlier one of ours. @returns whether flows share it fairly. @throws ShapingError. */
export function setQueue(route: Route, index: number, queue: Queue): boolean {
  const { bucket, mtu, exemption } = queue;
  const sorted = exemption !== undefined;
  const [root, fair] = sorted ? [HANDLES.leaf, HANDLES.leafFair] : [HANDLES.bucket, HANDLES.fair];
  if (sorted) setClasses(route, index, exemption);
  const parent = sorted ? { parent: HANDLES.classes + LIMITED_CLASS } : {};
  needing('tbf', () => route.request(replaceTokenBucket(index, bucket, { handle: root, ...parent })));
  return setFairQueue(route, index, queue, { handle: fair, parent: root, mtu });
}

/** Does `work`, which the kernel can only with `part`. @throws ShapingError `unsupported` that names it. */
function needing(part: Part, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    const message = `the kernel lacks ${part}, so that ${PARTS[part].without}: ${reasonOf(error)}`;
    throw new ShapingError('unsupported', message, loading([part]), { cause: error });
  }
}

/** Without it flows wait in the order in which they come: the limit holds as well. */
function setFairQueue(
  route: Route,
  index: number,
  { bucket }: Queue,
  { mtu, ...place }: { readonly handle: number; readonly parent: number; readonly mtu: number },
): boolean {
  try {
    route.request(replaceFairQueue(index, fairQueueOf(bucket, mtu), place));
    return true;
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return false;
  }
}

/** As fast as a class can be, so that the bucket below alone is the limit. */
const UNLIMITED = { rate: 0xffffffff, burst: 4_000_000, quantum: 60_000 } as const;

function setClasses(route: Route, index: number, { mode, subnets }: Exemption): void {
  const parent = HANDLES.classes;
  if (rootOf(route.dump(listQdiscs({ index })))?.handle !== parent) {
    needing('htb', () => route.request(replaceClasses(index, LIMITED_CLASS, { handle: parent })));
  }
  for (const minor of [FREE_CLASS, LIMITED_CLASS]) {
    needing('htb', () => route.request(replaceClass({ index, handle: parent + minor, parent, ...UNLIMITED })));
  }
  // Preferences: 1 is IPv4, 2 is IPv6, 3 is the rest, which goes to the limited class where nothing is said.
  for (const preference of [1, 2, 3]) unless([ENOENT], () => route.request(deleteFilters(index, parent, preference)));
  const [named, others] = mode === 'unshaped' ? [FREE_CLASS, LIMITED_CLASS] : [LIMITED_CLASS, FREE_CLASS];
  for (const subnet of subnets) {
    const preference = subnet.includes(':') ? 2 : 1;
    const match = { field: 'source', subnet } as const;
    needing('cls_u32', () => route.request(addFilter({ index, parent, preference, match, classId: parent + named })));
  }
  if (others === FREE_CLASS) route.request(addFilter({ index, parent, preference: 3, classId: parent + others }));
}

/** Takes our queue away; another program's stays. */
export function clearQueue(route: Route, index: number): void {
  const root = rootOf(route.dump(listQdiscs({ index })));
  if (root === undefined || !isOurs(root.handle)) return;
  unless([ENOENT, EINVAL, ENODEV], () => route.request(deleteQdisc(index, 'root')));
}

/** The bucket that limits a link, as the kernel has it now. */
export const limiterOf = (route: Route, index: number): Qdisc | undefined => {
  const qdiscs = route.dump(listQdiscs({ index }));
  return qdiscs.find(({ handle }) => handle === HANDLES.bucket || handle === HANDLES.leaf);
};

/** How a link's queue differs from what it should be; undefined when it does not. */
export function differenceOf(route: Route, index: number, { bucket, exemption }: Queue): string | undefined {
  const found = limiterOf(route, index);
  if (found?.bucket === undefined) return 'has no limit';
  if ((found.handle === HANDLES.leaf) !== (exemption !== undefined)) return 'has another list of subnets';
  if (isSameBucket(found.bucket, bucket)) return undefined;
  const words = ({ rate, burst, limit }: TokenBucket): string =>
    `rate ${rate * 8} bit/s, burst ${burst} bytes, limit ${limit} bytes`;
  return `has ${words(found.bucket)} in place of ${words(bucket)}`;
}
