import type { PluginEntry } from '@flatnet/skel';

/** The NAT member of a chain: publishes container ports on the host, in tables of its own. */
export const entry: PluginEntry = {
  name: 'flatnet-portmap',
  about: 'CNI chained plugin: published ports with one owner each, in one nft transaction per call',
  load: async () => (await import('./plugin.ts')).plugin,
};
