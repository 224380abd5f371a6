import type { PluginEntry } from '@flatnet/skel';
import { runPlugin } from '@flatnet/skel/run';

/** Runs the plugin whose name this executable has; the first when it has another. */
export function runAs(...[first, ...others]: readonly [PluginEntry, ...PluginEntry[]]): Promise<void> {
  const name = process.argv0.slice(process.argv0.lastIndexOf('/') + 1);
  return runPlugin(others.find((entry) => entry.name === name) ?? first);
}
