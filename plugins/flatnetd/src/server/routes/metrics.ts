import type { Metrics, Measured } from '../../metrics/metrics.ts';
import type { Answer } from '../respond.ts';
import type { Route } from '../router.ts';

/** Scrapes that come closer together share one look at the host. */
const FRESH_MS = 2_000;

/** `GET /metrics`. */
export function metricsRoute(metrics: Metrics, measure: () => Promise<Measured>, clock: () => number): Route {
  let last: { readonly at: number; readonly look: Promise<void> } | undefined;
  const look = (): Promise<void> => {
    if (last === undefined || clock() - last.at > FRESH_MS)
      last = { at: clock(), look: measure().then((measured) => metrics.measured(measured)) };
    return last.look;
  };
  return {
    method: 'GET',
    path: '/metrics',
    handle: async (): Promise<Answer> => {
      await look();
      return { status: 200, body: await metrics.registry.metrics(), type: metrics.registry.contentType };
    },
  };
}
