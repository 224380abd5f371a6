import type { PluginEntry } from '@flatnet/skel';

/** The IPAM plugin: one lease per attachment, one address per range set. Executed by flatnet, bridge, macvlan, ptp … */
export const entry: PluginEntry = {
  name: 'flatnet-ipam',
  about: 'CNI IPAM plugin: address leases that survive crashes and never outlive a boot',
  load: async () => (await import('./plugin.ts')).plugin,
};
