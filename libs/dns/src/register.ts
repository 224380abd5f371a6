/** An attachment's names from ADD to DEL. Every call leaves a server that serves what the folder says. */
import { LockBusy } from '@flatnet/kernel/lock';
import { awaitAnswer } from './answer.ts';
import { DnsError } from './error.ts';
import type { Entry, OwnerKey, Zone } from './model.ts';
import { byFile, reloadServer } from './process.ts';
import { endZone, serve, settleOthers } from './serve.ts';
import type { World } from './world.ts';

/** The last DEL ends the server that an ADD beside it relies on. */
async function locked<T>(world: World, work: () => T | Promise<T>): Promise<T> {
  const { folder } = world;
  try {
    return await world.lock({ path: folder.lock, prepare: () => folder.makeRoot() }, work);
  } catch (error) {
    if (!(error instanceof LockBusy)) throw error;
    throw new DnsError('busy', error.message, 'try again', { cause: error });
  }
}

/** What the attachment had before an ADD. */
export interface Earlier {
  readonly zone: Zone | undefined;
  readonly entry: Entry | undefined;
}

export const earlierOf = ({ folder }: World, owner: OwnerKey): Earlier => ({
  zone: folder.readZone(owner.networkHash),
  entry: folder.readEntry(owner),
});

/**
 * Makes the zone answer with the names of `entry`, in place of those that the attachment had. What it made when it fails is undone by
 * `restore`.
 *
 * @throws DnsError; ToolError of nft; the system error of a file.
 */
export const register = (world: World, zone: Zone, entry: Entry): Promise<void> =>
  locked(world, async () => {
    const { folder } = world;
    refuseSharedBridge(world, zone);
    folder.removeOtherBoots();
    folder.writeZone(zone);
    folder.writeEntry(entry);
    await awaitAnswer(world, zone, await serve(world, zone), entry);
  });

/** Two servers on one bridge would take each other's questions. */
function refuseSharedBridge({ folder }: World, { bridge, network, networkHash }: Zone): void {
  for (const other of folder.networks()) {
    if (other === networkHash || folder.attachments(other).length === 0) continue;
    const zone = folder.readZone(other);
    if (zone?.bridge !== bridge) continue;
    throw new DnsError(
      'conflict',
      `bridge ${bridge} has the names of network ${zone.network} already`,
      `give network ${network} a bridge of its own, or take flatnet-dns out of one of the two`,
    );
  }
}

/** The state from before an ADD. */
export const restore = (world: World, owner: OwnerKey, { zone, entry }: Earlier): Promise<void> =>
  locked(world, async () => {
    if (zone === undefined || entry === undefined) return remove(world, owner);
    world.folder.writeZone(zone);
    world.folder.writeEntry(entry);
    await serve(world, zone);
  });

/** Takes the attachment's names away, and the server with the last ones of the network. Success when there are none. */
export async function unregister(world: World, owner: OwnerKey): Promise<void> {
  if (!world.folder.exists()) return;
  await locked(world, () => remove(world, owner));
}

async function remove(world: World, owner: OwnerKey): Promise<void> {
  world.folder.removeEntry(owner);
  await settle(world, owner.networkHash);
}

/**
 * After names went: servers read again, and the one of a network without names ends with its folder. Also where nothing went: an earlier
 * call may have been killed before its server read again.
 */
async function settle(world: World, networkHash: string): Promise<void> {
  const { folder, proc } = world;
  if (folder.attachments(networkHash).length > 0) {
    const pid = byFile(proc, folder.conf(networkHash), folder.pid(networkHash));
    if (pid !== undefined) reloadServer(proc, pid);
  } else if (folder.networks().includes(networkHash)) await endZone(world, networkHash);
  await settleOthers(world, networkHash);
  folder.removeIfEmpty();
}

/** Takes away the names of a network's attachments that are not in `valid` (hashes). @returns how many. */
export async function collect(world: World, networkHash: string, valid: ReadonlySet<string>): Promise<number> {
  if (!world.folder.exists()) return 0;
  return locked(world, async () => {
    const { folder } = world;
    const dead = folder.attachments(networkHash).filter(({ hash }) => !valid.has(hash));
    for (const { file } of dead) folder.removeFile(networkHash, file);
    await settle(world, networkHash);
    folder.removeOtherBoots();
    return dead.length;
  });
}

/** Takes away all names of this host. */
export async function unregisterAll(world: World): Promise<void> {
  for (const networkHash of world.folder.networks()) await collect(world, networkHash, new Set());
}

/** A network whose server was started or told to read again. */
export interface Reloaded {
  readonly zone: Zone;
  readonly failure?: unknown;
}

/** Serves the names of all networks again: after a kill, a flush of the ruleset, or an upgrade. */
export async function reload(world: World): Promise<readonly Reloaded[]> {
  const { folder } = world;
  if (!folder.exists()) return [];
  return locked(world, async () => {
    const outcomes: Reloaded[] = [];
    for (const networkHash of folder.networks()) {
      const zone = folder.readZone(networkHash);
      const [entry] = folder.entries(networkHash);
      if (zone === undefined || entry === undefined) continue;
      try {
        await awaitAnswer(world, zone, await serve(world, zone), entry);
        outcomes.push({ zone });
      } catch (failure) {
        outcomes.push({ zone, failure });
      }
    }
    return outcomes;
  });
}
