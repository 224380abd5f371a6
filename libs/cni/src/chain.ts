/** A network configuration list, and what a runtime hands to each plugin of it (spec, "Section 3"). Pure. */
import type { CniVersion } from './version.ts';

/** One plugin's object of a list, as it was written: a plugin receives all of its keys. */
export type PluginConfig = Readonly<Record<string, unknown>> & { readonly type: string };

export interface ChainConfig {
  readonly name: string;
  readonly cniVersion: CniVersion;
  readonly plugins: readonly PluginConfig[];
}

/** An attachment, and what the runtime tells the plugins of it. */
export interface Attach {
  readonly containerId: string;
  readonly ifName: string;
  /** Path of the namespace; empty when it is gone (DEL only). */
  readonly netns: string;
  readonly cniArgs: readonly (readonly [string, string])[];
  /** By capability: what goes into `runtimeConfig` of the plugins that declare it. */
  readonly capabilityArgs: Readonly<Record<string, unknown>>;
}

/** Whether a plugin of the chain declares the capability (CONVENTIONS.md). */
export function hasCapability(config: PluginConfig, capability: string): boolean {
  const declared = config['capabilities'];
  return (
    typeof declared === 'object' && declared !== null && new Map(Object.entries(declared)).get(capability) === true
  );
}

/** The plugin configuration as it goes to stdin (spec, "Deriving request configuration from plugin configuration"). */
export function stdinOf(
  { name, cniVersion }: Pick<ChainConfig, 'name' | 'cniVersion'>,
  plugin: PluginConfig,
  attach?: Pick<Attach, 'capabilityArgs'>,
  previous?: Readonly<Record<string, unknown>>,
): string {
  const wanted = Object.entries(attach?.capabilityArgs ?? {}).filter(([key]) => hasCapability(plugin, key));
  return JSON.stringify({
    ...plugin,
    name,
    cniVersion,
    ...(wanted.length === 0 ? {} : { runtimeConfig: Object.fromEntries(wanted) }),
    ...(previous === undefined ? {} : { prevResult: previous }),
  });
}

/** The variables of an attachment (spec, "Parameters"). */
export const variablesOf = ({ containerId, ifName, netns, cniArgs }: Attach): Readonly<Record<string, string>> => ({
  CNI_CONTAINERID: containerId,
  CNI_IFNAME: ifName,
  CNI_NETNS: netns,
  CNI_ARGS: cniArgs.map(([key, value]) => `${key}=${value}`).join(';'),
});
