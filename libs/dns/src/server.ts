/** One living dnsmasq with exactly the configuration that is wanted. The caller has the lock. */
import { ToolError } from '@flatnet/exec';
import { confOf, portIn, type Server } from './conf.ts';
import { DnsError } from './error.ts';
import { argumentsFor, byFile, endServer, findServer, reloadServer } from './process.ts';
import { resolvFile } from './resolv-file.ts';
import type { World } from './world.ts';

/** What is to be served, and where it may listen, in order of preference. */
export interface Wanted extends Pick<Server, 'zones' | 'hosts'> {
  /** Hash of a network, or name of a view: the folder of its files. */
  readonly server: string;
  readonly ports: readonly number[];
}

/** Exit code of dnsmasq(8): "a problem with network access occurred". */
const NETWORK_PROBLEM = 2;

const confAt = ({ folder }: World, { server, zones, hosts }: Wanted, port: number): string =>
  confOf({
    zones,
    hosts,
    pidFile: folder.pid(server),
    isPassable: folder.isPassable(),
    port,
    resolvFile: resolvFile(),
  });

/** The process that serves exactly this, and its port; undefined where there is none. */
export function livingServer(
  world: World,
  wanted: Wanted,
): { readonly pid: number; readonly port: number } | undefined {
  const { folder } = world;
  const conf = folder.readConf(wanted.server);
  const port = portIn(conf);
  if (port === undefined || conf !== confAt(world, wanted, port)) return undefined;
  const pid = byFile(world.proc, folder.conf(wanted.server), folder.pid(wanted.server));
  return pid === undefined ? undefined : { pid, port };
}

/** The living server reads its names again. @returns its port; undefined where there is none. */
export function readAgain(world: World, wanted: Wanted): number | undefined {
  const living = livingServer(world, wanted);
  if (living !== undefined) reloadServer(world.proc, living.pid);
  return living?.port;
}

/** Ends a server, also one that has lost the file with its number. */
export async function end({ folder, proc }: World, server: string): Promise<void> {
  const conf = folder.conf(server);
  const pid = findServer(proc, conf, folder.pid(server));
  if (pid !== undefined) await endServer(proc, pid);
}

/**
 * Starts a server on the first port that is free.
 *
 * @returns the port.
 * @throws DnsError `missing`, `not-started`.
 */
export async function start(world: World, wanted: Wanted): Promise<number> {
  const { server, ports, zones } = wanted;
  let said = '';
  for (const port of ports) {
    world.folder.writeConf(server, confAt(world, wanted, port));
    const outcome = await startOnce(world, server);
    if (outcome === undefined) return port;
    said = outcome;
  }
  const bridges = zones.map(({ bridge }) => bridge).join(' and ');
  throw new DnsError('not-started', `dnsmasq finds no port to listen on: ${said}`, `free port 53 of bridge ${bridges}`);
}

/** @returns dnsmasq's words where the port is in use; undefined where it listens. */
async function startOnce({ kernel, folder }: World, server: string): Promise<string | undefined> {
  const args = argumentsFor(folder.conf(server));
  const { exitCode, stderr, ending } = await runDnsmasq(kernel.run, args);
  if (exitCode === 0) return undefined;
  const said = stderr.trim().slice(0, 400) || ending;
  if (exitCode === NETWORK_PROBLEM && /address already in use/i.test(said)) return said;
  throw new DnsError('not-started', `dnsmasq does not start: ${said}`, `run dnsmasq --test ${args.join(' ')}`);
}

async function runDnsmasq(run: World['kernel']['run'], args: readonly string[]) {
  try {
    return await run('dnsmasq', args);
  } catch (error) {
    if (!(error instanceof ToolError) || error.kind !== 'missing') throw error;
    throw new DnsError('missing', 'dnsmasq is not installed', 'install the package dnsmasq-base (Debian) or dnsmasq');
  }
}
