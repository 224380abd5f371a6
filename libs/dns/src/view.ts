/**
 * A resolver stops at the first server that does not know a name, so that a container on several networks has to ask one that knows the
 * names of all. There is a server for each set of networks that a container is on; containers of one network do not see it.
 */
import { sha256Hex } from '@flatnet/digest';
import type { Entry, Zone } from './model.ts';
import type { Lead } from './redirect.ts';
import type { Wanted } from './server.ts';
import type { World } from './world.ts';

/** Apart from those of networks whose port 53 is another program's, only so that a person can tell them apart. */
const PORTS = Array.from({ length: 200 }, (_, i) => 5400 + i);

export interface View extends Wanted {
  /** The attachments of its containers. */
  readonly entries: readonly Entry[];
}

/** What is needed now, by the names of the files of attachments: those of containers on one network are not read. */
export function viewsOf({ folder }: World): readonly View[] {
  const networksOf = new Map<string, Set<string>>();
  for (const network of folder.networks()) {
    for (const { containerHash } of folder.attachments(network)) {
      const networks = networksOf.get(containerHash) ?? new Set();
      networksOf.set(containerHash, networks.add(network));
    }
  }
  const views = new Map<string, { networks: readonly string[]; entries: Entry[] }>();
  for (const [containerHash, set] of networksOf) {
    if (set.size < 2) continue;
    const networks = [...set].sort();
    const server = `view.${sha256Hex(networks.join()).slice(0, 12)}`;
    const view = views.get(server) ?? { networks, entries: [] };
    view.entries.push(...networks.flatMap((network) => folder.entries(network, containerHash)));
    views.set(server, view);
  }
  return [...views].flatMap(([server, { networks, entries }]) => {
    const zones = networks.flatMap((network) => folder.readZone(network) ?? []);
    return zones.length < 2
      ? []
      : [{ server, zones, hosts: zones.map(({ networkHash }) => folder.hosts(networkHash)), ports: PORTS, entries }];
  });
}

/** How the containers of a view come to it. */
export const leadsToView = ({ zones, entries }: View, port: number): readonly Lead[] =>
  entries.flatMap(({ owner, addresses }) => {
    const zone = zones.find(({ networkHash }) => networkHash === owner.networkHash);
    return zone === undefined ? [] : addresses.flatMap((from) => leadsFrom(zone, from, port));
  });

const leadsFrom = ({ bridge, addresses }: Zone, from: string, port: number): readonly Lead[] =>
  addresses.filter((to) => to.includes(':') === from.includes(':')).map((to) => ({ bridge, from, to, port }));
