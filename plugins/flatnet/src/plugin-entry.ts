import type { PluginEntry } from '@flatnet/skel';

/** The main plugin: a bridge on the host, a veth pair per attachment, addresses from a delegated IPAM plugin. */
export const entry: PluginEntry = {
  name: 'flatnet',
  about: 'CNI main plugin: bridge network with delegated IPAM, masquerade and anti-spoofing',
  entersNetns: true,
  startEarly: async (...command) => (await import('./start-early.ts')).startEarly(...command),
  load: async () => (await import('./plugin.ts')).plugin,
};
