import { failure, json } from '../respond.ts';
import type { Route } from '../router.ts';

/** `/healthz`: the process answers. `/readyz`: it watches the kernel, and has compared everything once. */
export const healthRoutes = (isReady: () => boolean): readonly Route[] => [
  { method: 'GET', path: '/healthz', handle: () => json(200, { status: 'ok' }) },
  {
    method: 'GET',
    path: '/readyz',
    handle: () =>
      isReady()
        ? json(200, { status: 'ready' })
        : failure(503, 11, 'flatnetd is not ready', 'wait: the first comparison is under way'),
  },
];
