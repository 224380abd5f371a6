/** The driver of netavark, called as Podman 5 and 6 and netavark call it. */
import { accessSync, constants, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_DATA_DIR } from '@flatnet/cni';
import { decodeDriverNetwork } from '@flatnet/driver';
import { driverDirectories } from '@flatnet/driver/runtime-config';
import { networkFolder, segmentFolder } from '@flatnet/store';
import { listCached } from '../chain/cache.ts';
import { networkFileOf } from '../conflist/driver-networks.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { problem } from '../failure.ts';
import type { World } from '../world.ts';
import type { Front, Wanted } from './front.ts';

type Caller = Pick<World, 'run' | 'env'>;
const TIMEOUT_MS = 25_000;

/** Where netavark finds it. @throws OperatorError. */
export function findDriver({ env }: Pick<World, 'env'>): string {
  const paths = driverDirectories(env).map((folder) => join(folder, 'flatnet'));
  const found = paths.find(isExecutable);
  if (found === undefined)
    throw problem(`netavark finds no driver flatnet in ${paths.join(', ')}`, 'flatnetctl install');
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `podman network create`, of a network that no folder of Podman ever shows. @throws OperatorError. */
export async function createDriverNetwork(world: Caller, name: string): Promise<NetworkFile> {
  const created = '0001-01-01T00:00:00Z';
  const wish = { name, id: Buffer.from(name.padEnd(32, '.')).toString('hex'), driver: 'flatnet', created };
  const flags = { ipv6_enabled: false, internal: false, dns_enabled: false };
  return networkFileOf('', await call(world, ['create'], { ...wish, ...flags }));
}

/** @param file of a network of Podman. */
export function driverFront(world: Caller, file: NetworkFile, cacheDir: string): Front {
  const network = JSON.parse(file.text) as Readonly<Record<string, unknown>>;
  const { internal, bridge } = decodeDriverNetwork(network);
  const inputOf = ({ containerId, ports }: Omit<Wanted, 'netns'>): object => ({
    ...{ container_id: containerId, container_name: containerId, network },
    port_mappings: internal ? [] : ports.map(portOf),
    network_options: { interface_name: 'eth0', aliases: [] },
  });
  const teardown = (wanted: Wanted): Promise<unknown> => call(world, ['teardown', wanted.netns], inputOf(wanted));
  return {
    executables: () => [findDriver(world)],
    async attach(wanted) {
      await call(world, ['setup', wanted.netns], inputOf(wanted));
      const cached = listCached(cacheDir).find(({ containerId }) => containerId === wanted.containerId);
      if (cached === undefined) throw problem('setup succeeded and left no record', 'flatnetctl logs --errors');
      return cached;
    },
    detach: async ({ containerId, netns = '' }) => void (await teardown({ containerId, netns, ports: [] })),
    clear: teardown,
    // All else went with the last container.
    async removeNetwork() {
      for (const folder of [networkFolder(file.network.name), segmentFolder(bridge)])
        rmSync(join(DEFAULT_DATA_DIR, folder), { recursive: true, force: true });
    },
  };
}

const portOf = ({ hostPort, containerPort, protocol }: Wanted['ports'][number]): object => ({
  ...{ host_ip: '', host_port: hostPort, container_port: containerPort, protocol, range: 1 },
});

/** @returns what it printed; undefined for nothing. @throws OperatorError with the driver's own words. */
async function call(world: Caller, args: readonly string[], input: object): Promise<unknown> {
  const { stdout, stderr, exitCode } = await world.run(findDriver(world), args, {
    input: JSON.stringify(input),
    env: { PATH: world.env['PATH'], CONTAINERS_CONF: world.env['CONTAINERS_CONF'] },
    timeoutMs: TIMEOUT_MS,
  });
  const answer = stdout.trim() === '' ? undefined : (JSON.parse(stdout) as { readonly error?: string });
  if (exitCode === 0) return answer;
  throw problem(`the driver fails in ${args[0]}: ${answer?.error ?? stderr.trim()}`, 'flatnetctl logs --errors');
}
