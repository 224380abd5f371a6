import type { PluginEntry } from '@flatnet/skel';

/** The member of a chain that keeps networks apart, and lets containers reach what their policies allow. */
export const entry: PluginEntry = {
  name: 'flatnet-firewall',
  about: 'CNI chained plugin: isolation between networks, and network policy',
  load: async () => (await import('./plugin.ts')).plugin,
};
