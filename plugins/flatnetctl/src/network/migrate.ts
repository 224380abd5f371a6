/** A network of a conflist becomes one of Podman 5 and 6, with the same name, bridge, subnets and leases. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CniError } from '@flatnet/cni';
import { underOperatorLock } from '../chain/operator-lock.ts';
import { asRun, runsAs } from '../conflist/as-run.ts';
import { getNetwork, placeFile, removeFile, type NetworkFile } from '../conflist/directory.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { problem } from '../failure.ts';
import { renderJson } from '../output.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { asDriverNetwork, type DriverForm } from './as-driver-network.ts';
import { factsOf } from './describe.ts';
import { attachmentsOf } from './remove.ts';

export interface MigrateOptions {
  /** Podman's folder of networks. */
  readonly to: string;
  /** Whether keys may be lost. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

export interface Migration {
  /** What was done, or would be. */
  readonly steps: readonly string[];
  /** What Podman's form of the network does not have. */
  readonly lost: readonly string[];
}

/**
 * Writes Podman's file, then removes the conflist. One that was interrupted between both is finished by the next call: until then the
 * conflist is the network.
 *
 * @throws OperatorError when containers are attached, when something would be lost and `force` is not set, or when the name is taken.
 */
export async function migrateNetwork(
  world: World,
  places: Places,
  name: string,
  { to, force, dryRun }: MigrateOptions,
): Promise<Migration> {
  const file = getNetwork(places.netDir, name);
  const { document, lost } = formOf(file, places);
  const again = `flatnetctl network migrate ${name}`;
  refuseAttached(places, name, again);
  if (lost.length > 0 && !force && !dryRun)
    throw problem(`a network of Podman has no form for: ${lost.join('; ')}`, `${again} --force, to lose them`);
  const path = join(to, `${name}.json`);
  const isWritten = existsSync(path) && isSame(to, file, document);
  if (existsSync(path) && !isWritten) throw problem(`${path} is another network`, `podman network rm ${name}`);
  const text = renderJson({
    ...{ name, id: randomBytes(32).toString('hex'), created: world.now().toISOString() },
    ...document,
  });
  if (!dryRun)
    await underOperatorLock(places.cacheDir, async () => {
      if (!isWritten) placeFile(path, text, 'exclusive');
      removeFile(file.path);
    });
  return { steps: [...(isWritten ? [] : [`write ${path}`]), `remove ${file.path}`], lost };
}

function formOf({ network, path }: NetworkFile, { cniPath }: Places): DriverForm {
  const main = network.plugins[0]?.type ?? '';
  if (runsAs(main, cniPath) !== 'flatnet')
    throw problem(
      `the main plugin of ${path} is ${main}`,
      'podman network create --driver bridge, which netavark serves',
    );
  try {
    return asDriverNetwork(asRun(network, cniPath));
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw problem(`network ${network.name} cannot be one of Podman: ${error.message}`, error.details);
  }
}

/** A runtime undoes what it made by the conflist. */
function refuseAttached({ cacheDir }: Places, name: string, again: string): void {
  const attached = attachmentsOf(cacheDir, name);
  const living = attached.filter(({ alive }) => alive);
  if (living.length > 0) {
    const names = living.map((cached) => factsOf(cached).name ?? cached.containerId.slice(0, 12));
    throw problem(`network ${name} is in use by ${names.join(', ')}`, `podman stop ${names.join(' ')}; ${again}`);
  }
  if (attached.length > 0)
    throw problem(
      `network ${name} has leases of ${attached.length} dead containers`,
      `flatnetctl ipam gc ${name}; ${again}`,
    );
}

/** Whether an earlier call wrote the file. */
function isSame(to: string, { network }: NetworkFile, document: DriverForm['document']): boolean {
  const { files } = networksOf({ netDir: join(to, 'no-conflists'), driverDirs: [to] });
  const found = files.find((each) => each.network.name === network.name);
  if (found === undefined) return false;
  const written = JSON.parse(found.text) as Record<string, unknown>;
  return Object.entries({ name: network.name, ...document }).every(
    ([key, value]) => JSON.stringify(written[key]) === JSON.stringify(value),
  );
}
