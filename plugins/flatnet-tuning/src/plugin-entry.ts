import type { PluginEntry } from '@flatnet/skel';

/** The tuning member of a chain: settings of a container's interface and of its network namespace. */
export const entry: PluginEntry = {
  name: 'flatnet-tuning',
  about: 'CNI chained plugin: sysctls, MAC, MTU, promiscuity and queue length of an interface',
  entersNetns: true,
  load: async () => (await import('./plugin.ts')).plugin,
};
