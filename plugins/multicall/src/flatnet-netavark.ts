// The driver of netavark in the image, which has the plugins that it calls.
import { runDriver } from '@flatnet/plugin-netavark';

void runDriver(process.argv.slice(2), {
  flatnet: async () => (await import('@flatnet/plugin-flatnet')).entry,
  'flatnet-portmap': async () => (await import('@flatnet/plugin-portmap')).entry,
  'flatnet-firewall': async () => (await import('@flatnet/plugin-firewall')).entry,
  'flatnet-bandwidth': async () => (await import('@flatnet/plugin-bandwidth')).entry,
  'flatnet-dns': async () => (await import('@flatnet/plugin-dns')).entry,
});
