/** One living server for a zone, with the configuration that the zone asks for. The caller has the lock. */
import { ToolError } from '@flatnet/exec';
import { confOf, DNS_PORT, portIn } from './conf.ts';
import { DnsError } from './error.ts';
import type { Zone } from './model.ts';
import { argumentsFor, byFile, endServer, findServer, reloadServer } from './process.ts';
import { lead, stopLeading, forget } from './redirect.ts';
import { resolvFile } from './resolv-file.ts';
import type { World } from './world.ts';

/** Where servers listen whose port 53 is another program's. */
const OTHER_PORTS = { first: 5300, count: 100 } as const;
/** Exit code of dnsmasq(8): "a problem with network access occurred". */
const NETWORK_PROBLEM = 2;

const confFor = ({ folder }: World, zone: Zone, port: number): string =>
  confOf({
    bridges: [zone.bridge],
    domain: zone.domain,
    upstreams: zone.upstreams,
    hosts: [folder.hosts(zone.networkHash)],
    pidFile: folder.pid(zone.networkHash),
    port,
    resolvFile: resolvFile(),
  });

/** The port of the living server with exactly the zone's configuration; undefined where there is none. */
export function servedAt(world: World, zone: Zone): number | undefined {
  const { folder } = world;
  const conf = folder.readConf(zone.networkHash);
  const port = portIn(conf);
  if (port === undefined || conf !== confFor(world, zone, port)) return undefined;
  return byFile(folder.conf(zone.networkHash), folder.pid(zone.networkHash)) === undefined ? undefined : port;
}

/**
 * The living server reads the zone's names again; where there is none, or another configuration is wanted, one is started.
 *
 * @returns its port.
 * @throws DnsError `missing`, `not-started`; ToolError of nft.
 */
export async function serve(world: World, zone: Zone): Promise<number> {
  const port = servedAt(world, zone);
  if (port === undefined) return restart(world, zone);
  const { folder, kernel } = world;
  const pid = byFile(folder.conf(zone.networkHash), folder.pid(zone.networkHash));
  if (pid === undefined) return restart(world, zone);
  reloadServer(pid);
  // A flush of the ruleset took it away.
  if (port !== DNS_PORT) await lead(kernel, zone.bridge, zone.addresses, port);
  return port;
}

/** Ends what serves the zone, whichever way it was configured, and starts a server on the first port that is free. */
export async function restart(world: World, zone: Zone): Promise<number> {
  const { folder, kernel } = world;
  const before = portIn(folder.readConf(zone.networkHash));
  await end(world, zone.networkHash);
  const port = await start(world, zone);
  if (port === DNS_PORT) {
    const wasLed = await stopLeading(kernel, zone.bridge);
    if (wasLed || (before ?? port) !== port) await forget(kernel, zone.addresses);
  } else await lead(kernel, zone.bridge, zone.addresses, port);
  return port;
}

/** Ends the server of a network, also one that has lost the file with its number. */
export async function end({ folder }: World, networkHash: string): Promise<void> {
  const conf = folder.conf(networkHash);
  const pid = findServer(conf, folder.pid(networkHash));
  if (pid !== undefined) await endServer(pid);
}

async function start(world: World, zone: Zone): Promise<number> {
  const ports = [DNS_PORT, ...Array.from({ length: OTHER_PORTS.count }, (_, i) => OTHER_PORTS.first + i)];
  let said = '';
  for (const port of ports) {
    world.folder.writeConf(zone.networkHash, confFor(world, zone, port));
    const outcome = await startOnce(world, zone);
    if (outcome === undefined) return port;
    said = outcome;
  }
  throw new DnsError(
    'not-started',
    `dnsmasq finds no port to listen on: ${said}`,
    `free port 53 of bridge ${zone.bridge}`,
  );
}

/** @returns dnsmasq's words where the port is in use; undefined where it listens. */
async function startOnce({ kernel, folder }: World, { networkHash, bridge }: Zone): Promise<string | undefined> {
  const conf = folder.conf(networkHash);
  const { exitCode, stderr, ending } = await runDnsmasq(kernel.run, argumentsFor(conf));
  if (exitCode === 0) return undefined;
  const said = stderr.trim().slice(0, 400) || ending;
  if (exitCode === NETWORK_PROBLEM && /address already in use/i.test(said)) return said;
  throw new DnsError(
    'not-started',
    `dnsmasq does not start for bridge ${bridge}: ${said}`,
    `run dnsmasq --test ${argumentsFor(conf).join(' ')}`,
  );
}

async function runDnsmasq(run: World['kernel']['run'], args: readonly string[]) {
  try {
    return await run('dnsmasq', args);
  } catch (error) {
    if (!(error instanceof ToolError) || error.kind !== 'missing') throw error;
    throw new DnsError('missing', 'dnsmasq is not installed', 'install the package dnsmasq-base (Debian) or dnsmasq');
  }
}
