/** What of a network stands on the throw-away host: the members of its chain that decide what passes, and no lease of the real host's. */
import { join } from 'node:path';
import type { PluginConfig } from '@flatnet/cni';
import { runsAs } from '../../conflist/as-run.ts';
import type { NetworkFile } from '../../conflist/directory.ts';
import { ipamOf, type Network } from '../../conflist/model.ts';
import { problem } from '../../failure.ts';

const MAINS = ['flatnet', 'bridge'];
const MEMBERS = ['flatnet-portmap', 'portmap', 'flatnet-firewall', 'firewall'];
/** Those that keep leases in a folder that the configuration names. */
const LEASING = ['flatnet-ipam', 'host-local'];

/** @throws OperatorError for a network that can only stand on the real host. */
export function laidOut({ network, path }: NetworkFile, folder: string, cniPath: readonly string[]): NetworkFile {
  const [main, ...others] = network.plugins as readonly [PluginConfig, ...PluginConfig[]];
  if (!MAINS.includes(main.type))
    throw problem(`network ${network.name} is one of ${main.type}, not of a bridge`, 'leave it out of the list');
  const ipam = ipamOf(network);
  const type = String(ipam['type']);
  if (!LEASING.includes(type))
    throw problem(`network ${network.name} has the ipam ${type}, which serves the real host alone`, 'leave it out');
  const kept = others.filter((plugin) => MEMBERS.includes(runsAs(plugin.type, cniPath)));
  const plugins = [{ ...main, ipam: { ...ipam, dataDir: join(folder, 'leases') } }, ...kept];
  const list: Network = { ...network, plugins };
  const { name, cniVersion } = list;
  return { path, network: list, text: JSON.stringify({ name, cniVersion, plugins }) };
}
