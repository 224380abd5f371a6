// `flatnetctl` in the image: the one place that has both the operator's tool and the plugins, whose schemas it prints.
import { realWorld, runCli } from '@flatnet/flatnetctl';
import { configSchema as ipam } from '@flatnet/plugin-ipam/schema';
import { configSchema as flatnet } from '@flatnet/plugin-flatnet/schema';
import { configSchema as bandwidth } from '@flatnet/plugin-bandwidth/schema';
import { configSchema as dns } from '@flatnet/plugin-dns/schema';
import { configSchema as firewall } from '@flatnet/plugin-firewall/schema';
import { configSchema as tuning } from '@flatnet/plugin-tuning/schema';
import { configSchema as portmap } from '@flatnet/plugin-portmap/schema';
import { hostSide } from './host-side.ts';

const pluginSchemas = {
  flatnet: flatnet(),
  'flatnet-ipam': ipam(),
  'flatnet-portmap': portmap(),
  'flatnet-bandwidth': bandwidth(),
  'flatnet-tuning': tuning(),
  'flatnet-dns': dns(),
  'flatnet-firewall': firewall(),
};

void runCli(process.argv.slice(2), { ...realWorld(), pluginSchemas, hostSide }).then((code) => process.exit(code));
