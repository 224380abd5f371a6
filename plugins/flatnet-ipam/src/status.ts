import type { SortedRanges } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import type { StatusRequest } from '@flatnet/skel';
import type { StoreView } from '@flatnet/store';
import { poolOf, withheldBy } from './allocator.ts';
import type { Allocation, Config } from './config.ts';
import { withStore } from './failure.ts';
import type { RangeSetConfig } from './ranges.ts';
import { allocationOf, storeOf } from './request.ts';
import { readResolvConf } from './resolv-conf.ts';
import { usedOf } from './search.ts';

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
    assertRoom(request, allocation, view);
  } catch (error) {
    if (!(error instanceof CniError) || error.code === ErrorCode.notAvailable) throw error;
    throw new CniError(ErrorCode.notAvailable, error.message, error.details, { cause: error });
  }
};

/** Notes how much of each range set is used, then refuses if one has nothing left. */
const assertRoom = (request: StatusRequest<Config>, allocation: Allocation, view: StoreView): void => {
  const taken = view.takenNames();
  const withheld = withheldBy(allocation);
  const uses = allocation.sets.map((set) => useOf(set, withheld, taken));
  request.note(uses.map(({ text }) => text).join(', '));
  const full = uses.find(({ isFull }) => isFull);
  if (full === undefined) return;
  const details = `${full.text}; remove containers or widen the range`;
  throw new CniError(ErrorCode.notAvailable, `no IP addresses available in range set: ${full.name}`, details);
};

const useOf = (set: RangeSetConfig, withheld: SortedRanges, taken: readonly string[]) => {
  const pool = poolOf(set, withheld);
  const used = BigInt(usedOf(pool, taken));
  const isFull = used >= pool.size;
  // Rounded down: only a full one is 100 %.
  const percent = isFull ? 100n : (used * 100n) / pool.size;
  const subnets = set.ranges.map(({ subnet }) => subnet).join(' and ');
  return { name: set.name, isFull, text: `${percent} % of ${subnets} used` };
};
