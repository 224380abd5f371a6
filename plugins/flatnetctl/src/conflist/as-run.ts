/**
 * What the plugins of a network are when they run: where `install --drop-in` took the reference's names, `bridge` is flatnet. For
 * reading only; the chain is executed by the names that it has.
 */
import type { PluginConfig } from '@flatnet/cni';
import { DROP_IN_NAMES } from '../install/drop-in-names.ts';
import { foundFirst, leadsToUs } from '../ipam/leased-here.ts';
import type { Network } from './model.ts';

const RUNS: Readonly<Record<(typeof DROP_IN_NAMES)[number], string>> = {
  bridge: 'flatnet',
  'host-local': 'flatnet-ipam',
  portmap: 'flatnet-portmap',
  bandwidth: 'flatnet-bandwidth',
  tuning: 'flatnet-tuning',
  dnsname: 'flatnet-dns',
  firewall: 'flatnet-firewall',
};

/** What a configuration of the reference's bridge means where it says nothing; flatnet has other defaults. */
const BRIDGE_DEFAULTS = { bridge: 'cni0', isGateway: false, isDefaultGateway: false, ipMasq: false };

/** The plugin that runs under a name. */
export function runsAs(type: string, cniPath: readonly string[]): string {
  const name = DROP_IN_NAMES.find((each) => each === type);
  if (name === undefined) return type;
  const found = foundFirst(name, cniPath);
  return found !== undefined && leadsToUs(found) ? RUNS[name] : type;
}

/** The network with its plugins as they run, and what they then mean written out. */
export const asRun = (network: Network, cniPath: readonly string[]): Network => ({
  ...network,
  plugins: network.plugins.map((plugin) => pluginAsRun(plugin, cniPath)),
});

function pluginAsRun(plugin: PluginConfig, cniPath: readonly string[]): PluginConfig {
  const type = runsAs(plugin.type, cniPath);
  if (type === plugin.type) return plugin;
  const given = Object.entries(plugin).filter(([, value]) => value !== null && value !== '');
  return { ...(type === 'flatnet' ? BRIDGE_DEFAULTS : {}), ...Object.fromEntries(given), type };
}

/** Whether all plugins of a chain are ours, and so know STATUS and GC. */
export const isOursThroughout = (network: Network, cniPath: readonly string[]): boolean =>
  network.plugins.every(({ type }) => runsAs(type, cniPath).startsWith('flatnet'));
