import { standBy } from '@flatnet/invoke';
import { topLevel, type PluginEntry, type Prepared } from '@flatnet/skel';

type Command = Parameters<NonNullable<PluginEntry['prepare']>>;

/** Starts the delegated plugin, which waits for its configuration while we load our modules and, in DEL, delete the link. */
export function prepare(...[json, verb, invocation, cniPath]: Command): Prepared | undefined {
  const ipam = topLevel(json, 'ipam');
  if (typeof ipam !== 'object' || ipam === null || Array.isArray(ipam)) return undefined;
  const type = topLevel(ipam as Readonly<Record<string, unknown>>, 'type');
  return typeof type === 'string' ? standBy(type, verb, invocation, cniPath) : undefined;
}
