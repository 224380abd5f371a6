/**
 * STATUS and GC came with version 1.1.0. Our plugins know them whatever a conflist says, so they are asked in that version. A plugin
 * hands the verb on to the one that it delegates to, which may be an older one: that one is left out, as any runtime leaves it out
 * that takes the conflist at its word.
 */
import { isAtLeast, NEWEST_VERSION, type PluginConfig } from '@flatnet/cni';
import type { Network } from '../conflist/model.ts';
import { findExecutable } from './find-executable.ts';
import type { ChainContext } from './context.ts';

/** The network as STATUS and GC are to see it. */
export async function asNewest(context: ChainContext, network: Network): Promise<Network> {
  if (isAtLeast(network.cniVersion, NEWEST_VERSION)) return network;
  const plugins = await Promise.all(network.plugins.map((plugin) => withoutOldDelegate(context, plugin)));
  return { ...network, cniVersion: NEWEST_VERSION, plugins };
}

async function withoutOldDelegate(context: ChainContext, plugin: PluginConfig): Promise<PluginConfig> {
  const { ipam, ...rest } = plugin;
  const type = typeof ipam === 'object' && ipam !== null ? new Map(Object.entries(ipam)).get('type') : undefined;
  if (typeof type !== 'string' || type === '' || type === 'flatnet-ipam') return plugin;
  return (await knowsNewest(context, type)) ? plugin : { ...rest, type: plugin.type };
}

/** A delegate that is not there is the plugin's to complain of. */
async function knowsNewest({ run, cniPath, env }: ChainContext, type: string): Promise<boolean> {
  let path: string;
  try {
    path = findExecutable(type, cniPath);
  } catch {
    return true;
  }
  const variables = { ...env, CNI_COMMAND: 'VERSION', CNI_PATH: cniPath.join(':') };
  const { stdout } = await run(path, [], { env: variables, input: '{"cniVersion":"1.0.0"}', timeoutMs: 20_000 });
  return stdout.includes(`"${NEWEST_VERSION}"`);
}
