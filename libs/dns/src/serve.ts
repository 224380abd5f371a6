/** The servers of this host, as the folder says: one for each network, and one for each view. The caller has the lock. */
import { DNS_PORT, portIn } from './conf.ts';
import type { Zone } from './model.ts';
import { lead, type Lead } from './redirect.ts';
import { end, livingServer, readAgain, start, type Wanted } from './server.ts';
import { leadsToView, type View, viewsOf } from './view.ts';
import type { World } from './world.ts';

/** Port 53, or what is free where that is another program's. */
const PORTS = [DNS_PORT, ...Array.from({ length: 100 }, (_, i) => 5300 + i)];

const wantedOf = ({ folder }: World, zone: Zone): Wanted => ({
  ...{ server: zone.networkHash, zones: [zone], hosts: [folder.hosts(zone.networkHash)], ports: PORTS },
});

/** The port of the living server with exactly the zone's configuration; undefined where there is none. */
export const servedAt = (world: World, zone: Zone): number | undefined =>
  livingServer(world, wantedOf(world, zone))?.port;

/**
 * The zone's server, and the views that its network is part of, read names again; what is missing, or configured otherwise, is started.
 *
 * @returns the port of the zone's server.
 * @throws DnsError; ToolError of nft.
 */
export async function serve(world: World, zone: Zone): Promise<number> {
  const port = readAgain(world, wantedOf(world, zone)) ?? (await restart(world, zone));
  await settleOthers(world, zone.networkHash);
  return port;
}

/** Ends what serves the zone, however it was configured, and starts a server. */
export async function restart(world: World, zone: Zone): Promise<number> {
  const { networkHash } = zone;
  await end(world, networkHash);
  // While the configuration still says that questions are led elsewhere: a call that is killed here leaves the work to the next one.
  if ((portIn(world.folder.readConf(networkHash)) ?? DNS_PORT) !== DNS_PORT) await leadAll(world, networkHash);
  return start(world, wantedOf(world, zone));
}

/** Ends the server of a network without names. */
export async function endZone(world: World, networkHash: string): Promise<void> {
  const port = portIn(world.folder.readConf(networkHash)) ?? DNS_PORT;
  await end(world, networkHash);
  if (port !== DNS_PORT) await leadAll(world, networkHash);
  world.folder.remove(networkHash);
}

/** Views, and what leads to them and to ports other than 53. @param changed the network whose names changed. */
export async function settleOthers(world: World, changed: string): Promise<void> {
  const { folder } = world;
  const views = viewsOf(world);
  const idle = folder.views().filter((name) => !views.some(({ server }) => server === name));
  for (const view of views) {
    const isPart = view.zones.some(({ networkHash }) => networkHash === changed);
    const port = isPart ? readAgain(world, view) : livingServer(world, view)?.port;
    if (port !== undefined) continue;
    await end(world, view.server);
    await start(world, view);
  }
  const leads = leadsOf(world, views);
  if (leads.length + idle.length > 0) await lead(world.kernel, leads);
  for (const name of idle) {
    await end(world, name);
    folder.remove(name);
  }
}

/** What leads to servers now, without those of one network. */
const leadAll = async (world: World, without: string): Promise<void> =>
  lead(
    world.kernel,
    leadsOf(world, viewsOf(world)).filter(
      ({ bridge, from }) => from !== undefined || bridge !== world.folder.readZone(without)?.bridge,
    ),
  );

/** What should lead somewhere: to networks whose port 53 is another program's, and to views. */
export function leadsOf({ folder }: World, views: readonly View[]): readonly Lead[] {
  const zones = folder.networks().flatMap((network): readonly Lead[] => {
    const port = portIn(folder.readConf(network)) ?? DNS_PORT;
    const zone = port === DNS_PORT ? undefined : folder.readZone(network);
    return zone === undefined ? [] : zone.addresses.map((to) => ({ bridge: zone.bridge, to, port }));
  });
  const toViews = views.flatMap((view) => {
    const port = portIn(folder.readConf(view.server));
    return port === undefined ? [] : leadsToView(view, port);
  });
  return [...zones, ...toViews];
}
