import { CniError, ErrorCode } from '@flatnet/cni';
import type { StatusRequest } from '@flatnet/skel';
import { ipName, type StoreView } from '@flatnet/store';
import type { RangeSet } from '@flatnet/addressing';
import { poolOf } from './allocator.ts';
import type { Allocation, Config } from './config.ts';
import { withStore } from './failure.ts';
import { allocationOf, storeOf } from './request.ts';
import { readResolvConf } from './resolv-conf.ts';

/** Ready for ADD: the store takes a lease, and every range set has an address. @throws CniError code 50 with the reason. */
export const status = async (request: StatusRequest<Config>): Promise<void> => {
  const allocation = allocationOf(request);
  try {
    const view = await withStore('use the lease store', () => {
      const store = storeOf(request);
      store.probe();
      return store.view;
    });
    if (allocation.resolvConf !== undefined) readResolvConf(allocation.resolvConf);
    assertRoom(allocation, view);
  } catch (error) {
    if (!(error instanceof CniError) || error.code === ErrorCode.notAvailable) throw error;
    throw new CniError(ErrorCode.notAvailable, error.message, error.details, { cause: error });
  }
};

const assertRoom = (allocation: Allocation, view: StoreView): void => {
  const taken = view.takenNames();
  for (const set of allocation.sets) {
    const pool = poolOf(set, allocation);
    if (pool.size > BigInt(taken.size) || usedOf(pool, taken) < pool.size) continue;
    throw new CniError(
      ErrorCode.notAvailable,
      `no IP addresses available in range set: ${set.name}`,
      `100 % of ${set.ranges.map(({ subnet }) => subnet).join(', ')} used; remove containers or widen the range`,
    );
  }
};

/** How many addresses of a pool are taken. The pool is no larger than `taken` here. */
const usedOf = (pool: RangeSet, taken: ReadonlySet<string>): bigint => {
  let used = 0n;
  for (let position = 0n; position < pool.size; position++) if (taken.has(ipName(pool.at(position)))) used++;
  return used;
};
