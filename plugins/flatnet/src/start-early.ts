import { field, objectField } from '@flatnet/cni';
import { startDelegate } from '@flatnet/invoke';
import type { EarlyStart, PluginEntry } from '@flatnet/skel';

type Command = Parameters<NonNullable<PluginEntry['startEarly']>>;

/** Starts the delegated plugin, which waits for its configuration while we load our modules and, in DEL, delete the link. */
export function startEarly(...[json, verb, invocation, cniPath]: Command): EarlyStart | undefined {
  const type = field(objectField(json, 'ipam') ?? {}, 'type');
  return typeof type === 'string' ? startDelegate(type, verb, invocation, cniPath) : undefined;
}
