import type { Plugin, PluginEntry } from '@flatnet/skel';

/** The main plugin: a bridge on the host, a veth pair per attachment, addresses from a delegated IPAM plugin. */
export const entry: PluginEntry = {
  name: 'flatnet',
  about: 'CNI main plugin: bridge network with delegated IPAM, masquerade and anti-spoofing',
  prepare: async (...command) => (await import('./prepare.ts')).prepare(...command),
  // The skeleton hands decodeConfig's own answer back to the handlers, whatever its type.
  load: async () => (await import('./plugin.ts')).plugin as Plugin<never>,
};
