import type { PluginEntry } from '@flatnet/skel';

/** The member of a chain that gives containers names: one dnsmasq for each network. */
export const entry: PluginEntry = {
  name: 'flatnet-dns',
  about: 'CNI chained plugin: containers of a network find each other by name',
  load: async () => (await import('./plugin.ts')).plugin,
};
