import { field, objectField } from '@flatnet/cni';
import { standBy } from '@flatnet/invoke';
import type { PluginEntry, Prepared } from '@flatnet/skel';

type Command = Parameters<NonNullable<PluginEntry['prepare']>>;

/** Starts the delegated plugin, which waits for its configuration while we load our modules and, in DEL, delete the link. */
export function prepare(...[json, verb, invocation, cniPath]: Command): Prepared | undefined {
  const type = field(objectField(json, 'ipam') ?? {}, 'type');
  return typeof type === 'string' ? standBy(type, verb, invocation, cniPath) : undefined;
}
