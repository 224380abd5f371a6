import type { PluginEntry } from '@flatnet/skel';

/** The shaping member of a chain: limits what a container receives and sends. */
export const entry: PluginEntry = {
  name: 'flatnet-bandwidth',
  about: 'CNI chained plugin: limits of bandwidth that hold, without adding latency',
  entersNetns: true,
  load: async () => (await import('./plugin.ts')).plugin,
};
