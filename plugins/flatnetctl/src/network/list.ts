import type { NetworkFile } from '../conflist/directory.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { mainPlugin } from '../conflist/model.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { usage } from '../failure.ts';
import { printListing, type Format } from '../output.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { bridgeOf, containersOf, networkId } from './describe.ts';

export type Filter = (file: NetworkFile) => boolean;

/** Filters of `podman network ls`: of one key any value, of several keys all. @throws OperatorError (usage) */
export function parseFilters(texts: readonly string[]): Filter {
  const wanted = texts.map((text) => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  const unknown = wanted.find(([key]) => !['name', 'driver', 'label'].includes(key));
  if (unknown !== undefined)
    throw usage(`--filter: unknown key ${JSON.stringify(unknown[0])}`, 'use name=, driver= or label=');
  const keys = [...new Set(wanted.map(([key]) => key))];
  return (file) => keys.every((key) => wanted.some(([other, value]) => other === key && matches(file, key, value)));
}

function matches({ network }: NetworkFile, key: string, value: string): boolean {
  if (key === 'name') return network.name.includes(value);
  if (key === 'driver') return mainPlugin(network).type === value;
  const [label = '', wanted] = value.split('=', 2);
  const found = new Map(Object.entries(network.labels)).get(label);
  return found !== undefined && (wanted === undefined || found === wanted);
}

export function listNetworks(
  world: World,
  places: Places,
  options: { output: Format; quiet: boolean; trunc: boolean; noheading: boolean; filters: Filter },
): void {
  const { files, broken } = networksOf(places);
  const shown = files.filter(options.filters);
  const entries = shown.map(({ network, path }) => ({
    id: network.id ?? networkId(network.name),
    name: network.name,
    driver: mainPlugin(network).type,
    bridge: bridgeOf(network),
    subnets: subnetsOf(network).map(({ subnet }) => String(subnet)),
    containers: containersOf(places.cacheDir, network.name).length,
    managed: network.created !== undefined,
    file: path,
  }));
  broken.forEach(({ path, reason }) => world.err(`warning: ${path}: ${reason}\n`));
  if (options.quiet) return world.out(entries.map(({ name }) => `${name}\n`).join(''));
  printListing(world, options.output, {
    header: ['NETWORK ID', 'NAME', 'DRIVER', 'BRIDGE', 'SUBNETS', 'CONTAINERS'],
    rows: entries.map(({ id, name, driver, bridge = '', subnets, containers }) => [
      options.trunc ? id.slice(0, 12) : id,
      ...[name, driver, bridge, subnets.join(','), String(containers)],
    ]),
    json: entries,
    noHeading: options.noheading,
  });
}
