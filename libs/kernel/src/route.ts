import type { IpCommand } from './batch.ts';
import { ipFailure, queryIp } from './ip.ts';
import type { Kernel } from './kernel.ts';
import { ipCommand } from './netns.ts';

/** A route as `ip route` takes it. Texts are addresses that were parsed and printed again. */
export interface RouteSpec {
  readonly family: 4 | 6;
  /** CIDR notation, also for everything (`::/0`): `ip` tells the family from it. */
  readonly dst: string;
  readonly gateway?: string;
  readonly dev: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  /** Number of /etc/iproute2/rt_scopes: 0 global, 253 link, 254 host. IPv6 has none. */
  readonly scope?: number;
}

const pair = (word: string, value: number | undefined): string[] => (value === undefined ? [] : [word, String(value)]);

/**
 * A batch line cannot carry `-4` or `-6`. `append` lets two routes to one destination stand side by side, as the reference plugins do. The gateway may lie outside of the
 * interface's subnet (a /32 address), hence `onlink` when `onlink` is asked for.
 */
export const addRoute = (route: RouteSpec, onlink = false): IpCommand => [
  ...['route', 'append', route.dst],
  ...(route.gateway === undefined ? [] : ['via', route.gateway]),
  ...['dev', route.dev, ...(onlink ? ['onlink'] : [])],
  ...pair('mtu', route.mtu),
  ...pair('advmss', route.advmss),
  ...pair('metric', route.priority),
  ...pair('table', route.table),
  ...pair('scope', route.family === 4 ? route.scope : undefined),
];

/** One route of a listing, as far as flatnet looks at it. */
export interface ListedRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly metric?: number;
}

/** The routes of one family and table. @throws IpError. */
export async function listRoutes(
  kernel: Kernel,
  family: 4 | 6,
  options: { readonly netns?: string; readonly table?: string; readonly dev?: string } = {},
): Promise<readonly ListedRoute[]> {
  const { netns, table = 'main', dev } = options;
  const args = [`-${family}`, 'route', 'show', 'table', table, ...(dev === undefined ? [] : ['dev', dev])];
  return readRoutes(await queryIp(kernel, `list IPv${family} routes`, args, netns));
}

const readRoutes = (entries: readonly Record<string, unknown>[]): readonly ListedRoute[] =>
  entries.flatMap(eachWay).map((entry) => ({
    dst: String(entry['dst']),
    ...(typeof entry['gateway'] === 'string' ? { gateway: entry['gateway'] } : {}),
    ...(typeof entry['dev'] === 'string' ? { dev: entry['dev'] } : {}),
    ...(typeof entry['metric'] === 'number' ? { metric: entry['metric'] } : {}),
  }));

/** The default routes of the main table, whatever else is in it. Unreachable ones, which have no device but lo, are not told apart. @throws IpError. */
export async function listDefaultRoutes(kernel: Kernel, family: 4 | 6): Promise<readonly ListedRoute[]> {
  const args = [`-${family}`, 'route', 'show', 'exact', family === 4 ? '0.0.0.0/0' : '::/0'];
  return readRoutes(await queryIp(kernel, `list IPv${family} default routes`, args));
}

/** IPv6 shows routes of one destination and metric as one, with several next hops. */
function eachWay(entry: Record<string, unknown>): Record<string, unknown>[] {
  const hops = entry['nexthops'];
  return Array.isArray(hops) ? hops.map((hop: object) => ({ ...entry, ...hop })) : [entry];
}

/** Prints the default routes of a family when it stands in a batch, which cannot carry `-6`; asked for all tables, `ip` asks both families. */
export const showDefaults = (family: 4 | 6): IpCommand =>
  family === 4 ? ['route', 'show', 'exact', '0.0.0.0/0'] : ['route', 'show', 'table', 'all', 'exact', '::/0'];

/** The metrics of the main table's default routes that a batch with `showDefaults` printed. Every IPv6 route, and no other, has a preference. */
export const defaultMetrics = (printed: string, family: 4 | 6): readonly number[] =>
  printed
    .split('\n')
    .filter((line) => /^default /.test(line) && !/ table /.test(line) && / pref /.test(line) === (family === 6))
    .map((line) => Number(/ metric (\d+)/.exec(line)?.[1] ?? 0));

/** Traffic from `source` looks for its way in `table` first. */
export const addSourceRule = (source: string, table: number, priority: number): IpCommand => [
  ...['rule', 'add', 'from', source, 'lookup', String(table), 'priority', String(priority)],
];

/** Removes all rules that look in `table`. @throws IpError. */
export async function flushSourceRules(kernel: Kernel, table: number, family: 4 | 6, netns: string): Promise<void> {
  const [file, args] = ipCommand([`-${family}`, 'rule', 'flush', 'table', String(table)], netns);
  const result = await kernel.run(file, args);
  if (result.ending === 'exit' && result.exitCode === 0) return;
  throw ipFailure(result, `remove the IPv${family} rules of table ${table} in ${netns}`);
}
