import type { DelRequest } from '@flatnet/skel';
import type { Config } from './config.ts';
import { withStore } from './failure.ts';
import { storeOf } from './request.ts';

/**
 * Releases by (container, interface), never by address: after a refused ADD, Podman sends DEL with the `IP=` of another container's lease.
 * No lease there is success. The ranges are not looked at.
 */
export const del = async (request: DelRequest<Config>): Promise<void> => {
  const { importFrom, cooldown } = request.config.store;
  await withStore('release the address', async () => {
    const store = storeOf(request);
    // A container that host-local started may end before our first ADD; imported later, its lease would stay for ever.
    if (importFrom !== undefined) await store.importFrom(importFrom).catch(() => 0);
    store.release(request.attachment, cooldown > 0);
  });
};
