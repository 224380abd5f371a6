import { CniError, ErrorCode, type IpamResult } from '@flatnet/cni';
import type { AddRequest, Rollback } from '@flatnet/skel';
import type { Claim, LeaseStore } from '@flatnet/store';
import { AddressTaken, chooseAddresses, PoolFull, type Wish } from './allocator.ts';
import type { Config } from './config.ts';
import { withStore } from './failure.ts';
import { parentWatch, storeOf, wishOf } from './request.ts';
import { resultOf } from './result.ts';

/**
 * Leases one address of each range set. Repeated for the same attachment it answers with the lease that is there: runtimes retry after
 * they lost an answer.
 *
 * @throws CniError 7 (configuration), 11 (try again), 100 (address of another container), 101 (pool full), 5 (file system).
 */
export const add = async (request: AddRequest<Config>, rollback: Rollback): Promise<IpamResult> => {
  const wish = wishOf(request);
  return await withStore('lease an address', async () => {
    const store = storeOf(request);
    const { importFrom } = request.config.store;
    if (importFrom !== undefined) await store.importFrom(importFrom);
    const claim = await request.phase('claim', () => claimOnce(store, request, wish));
    // The claim is atomic and undoes itself, so the undo is armed after it; a lease from before is not ours to take back.
    if (!claim.existed) rollback.arm('address lease', async () => store.releaseExactly(claim));
    return answer(claim, wish);
  });
};

/** If no lease holds an address any more (a record was removed by hand), it is freed and the claim is tried once more. */
const claimOnce = async (store: LeaseStore, request: AddRequest<Config>, wish: Wish): Promise<Claim> => {
  const attempt = (): Promise<Claim> =>
    store.claim({
      network: request.network,
      attachment: request.attachment,
      netns: request.netns,
      ...(wish.name === undefined ? {} : { name: wish.name }),
      remember: wish.allocation.stickyBy !== undefined,
      choose: (view) => chooseAddresses(wish, view),
      isAbandoned: parentWatch(request.invocation.env),
    });
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof PoolFull || (error instanceof AddressTaken && isLost(error, store, request.network))))
      throw error;
    const freed = await store.collectOrphans().catch(() => 0);
    if (freed === 0) throw error;
    return await attempt();
  }
};

/** Whether the holder of a taken address cannot be read, or has no lease any more. A sibling network looks after its own. */
const isLost = ({ holder }: AddressTaken, store: LeaseStore, network: string): boolean =>
  holder === undefined || (holder.network === network && store.find(holder.attachment) === undefined);

const answer = ({ lease, existed }: Claim, wish: Wish): IpamResult => {
  const { containerId, ifName } = lease.attachment;
  const held = `container ${containerId}, interface ${ifName}, already holds ${lease.ips.join(', ')}`;
  const missing = wish.requested.filter((ip) => !lease.ips.some((own) => own.equals(ip)));
  if (existed && missing.length > 0) {
    throw new CniError(
      ErrorCode.conflict,
      `requested IP address ${missing.join(', ')} not given`,
      `${held}; DEL it first`,
    );
  }
  const result = resultOf(lease, wish.allocation);
  if (result !== undefined) return result;
  throw new CniError(ErrorCode.conflict, held, 'which is not what the range sets give now; DEL it first');
};
