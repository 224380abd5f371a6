/**
 * What is on disk, below `/run/flatnet/policy/`, for this boot and namespace of the host:
 *
 *   lock.<generation>   held by the one call that changes the table
 *   networks/           what holds for a network, by its last ADD
 *   attachments/        what holds for an attachment, by its last ADD
 *
 * The kernel's table is what counts; the records tell how to build it again, and what a re-ADD has to take away.
 */
import { existsSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { currentGeneration, ignoring, RecordFolder, type RecordOf } from '@flatnet/kernel/state';
import type { Attachment, Network, OwnerKey, SiblingsState } from './model.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/policy';

/** What an ADD asks for. */
export interface WantedRules {
  readonly network: Network;
  readonly attachment: Attachment;
  /** Names of policies that the container picked. */
  readonly picks: readonly string[];
  /** The policies that hold for it: their names, or where they stand. */
  readonly selected: readonly string[];
  /** CNI_NETNS, and the bridge port of the container. */
  readonly netns: string;
  readonly port?: string;
}

export interface AttachmentRecord extends RecordOf<Attachment['owner']>, Omit<WantedRules, 'network'> {}

export interface NetworkRecord extends RecordOf<OwnerKey> {
  readonly network: Network;
  readonly siblings: SiblingsState;
  /** Of firewalld, that the network puts its bridge into; absent where the operator did. */
  readonly zone?: string;
}

/** A record's key of a network: the folder has one file. */
const keyOf = (networkHash: string): OwnerKey => ({ networkHash, hash: networkHash + networkHash });

export class PolicyFolder {
  readonly attachments: RecordFolder<AttachmentRecord>;
  readonly #networks: RecordFolder<NetworkRecord>;
  readonly lock: string;

  constructor(
    readonly stateDir = DEFAULT_STATE_DIR,
    generation = currentGeneration(),
  ) {
    this.lock = join(stateDir, `lock.${generation}`);
    this.attachments = new RecordFolder(join(stateDir, 'attachments'), generation);
    this.#networks = new RecordFolder(join(stateDir, 'networks'), generation);
  }

  exists(): boolean {
    return existsSync(this.stateDir);
  }

  makeRoot(): void {
    mkdirSync(this.stateDir, { recursive: true, mode: 0o700 });
  }

  network(hash: string): NetworkRecord | undefined {
    return this.#networks.read(keyOf(hash));
  }
  networks(): readonly NetworkRecord[] {
    return this.#networks.all();
  }
  writeNetwork({ network, siblings, zone }: Pick<NetworkRecord, 'network' | 'siblings' | 'zone'>): void {
    const ofZone = zone === undefined ? {} : { zone };
    this.#networks.write({ version: 1, owner: keyOf(network.hash), network, siblings, ...ofZone });
  }
  removeNetwork(hash: string): void {
    this.#networks.remove(keyOf(hash));
  }

  removeOtherBoots(): void {
    this.attachments.removeOtherBoots();
    this.#networks.removeOtherBoots();
  }

  /** Removes the lock and the folder when nothing is in it. The caller has the lock. */
  removeIfEmpty(): void {
    if (this.attachments.all().length + this.networks().length > 0) return;
    ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(this.lock));
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'], () => rmdirSync(this.stateDir));
  }
}
