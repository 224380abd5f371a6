/**
 * What the kernel cannot tell: which attachment published what, under its name. One small file per attachment, and beside them hints about
 * what is shared (hints.ts):
 *
 *   <stateDir>/<boot id>.<cookie of the host's network namespace>/<network hash>/<attachment hash>.json    its plan
 *
 * The elements in the kernel are the claims; a record only says where to look, so that DEL lists nothing, a conflict can name its
 * owner, and `reload` can rebuild. It is written before the first element and removed after the last. The rules live in one network
 * namespace until the next boot, and so does the folder's name: records of another boot are never read.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { adoptedGeneration, currentGeneration, ignoring, isMissing, safeRead } from '@flatnet/kernel/state';
import { Hints, type OwnerHashes } from './hints.ts';
import { type PublishRecord, readRecord } from './record-file.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/hostport';

const HEX = { network: /^[0-9a-f]{12}$/, attachment: /^([0-9a-f]{24})\.json$/ };

/** The records of this boot and network namespace, below `stateDir`. All work is synchronous: it is a few dozen microseconds. */
export class Records {
  readonly #root: string;
  readonly hints: Hints;

  constructor(
    readonly stateDir: string = DEFAULT_STATE_DIR,
    generation: string = adoptedGeneration(stateDir),
  ) {
    this.#root = join(stateDir, generation);
    this.hints = new Hints(this.#root);
  }

  #folder(networkHash: string): string {
    return join(this.#root, networkHash);
  }

  /** Undefined when there is none, or none that can be read. */
  read({ networkHash, hash }: OwnerHashes): PublishRecord | undefined {
    const text = safeRead(() => readFileSync(join(this.#folder(networkHash), `${hash}.json`), 'utf8'));
    return text === undefined ? undefined : readRecord(text);
  }

  #unfinished({ networkHash, hash }: OwnerHashes): string {
    return join(this.#folder(networkHash), `.${hash}.new`);
  }

  /** Removes what an ADD left that was killed before its record had its name. */
  removeUnfinished(owner: OwnerHashes): void {
    ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(this.#unfinished(owner)));
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(this.#folder(owner.networkHash)));
  }

  /** Replaces the attachment's record in one step. */
  write(record: PublishRecord): void {
    const folder = this.#folder(record.owner.networkHash);
    const temporary = this.#unfinished(record.owner);
    const save = (): void => writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
    try {
      save();
    } catch (error) {
      if (!isMissing(error)) throw error;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      save();
    }
    renameSync(temporary, join(folder, `${record.owner.hash}.json`));
    if (record.waiting !== undefined) this.hints.addWaiting(record.owner);
  }

  /** Removes the attachment's hints and its record, which is the last to go: it tells which hints there are. Success when there is none. */
  remove(record: Pick<PublishRecord, 'owner' | 'publications' | 'hairpins' | 'localInterface'>): void {
    const { networkHash, hash } = record.owner;
    this.hints.dropAll(record);
    ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(join(this.#folder(networkHash), `${hash}.json`)));
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(this.#folder(networkHash)));
    // Version 0.1.0 noted there that the network has an outbound masquerade.
    rmSync(join(this.#root, 'masquerade', networkHash), { recursive: true, force: true });
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(join(this.#root, 'masquerade')));
  }

  /** The records of a container's attachments that wait for ports of another one. */
  waitingOf(containerId: string): readonly PublishRecord[] {
    return this.hints.waitingOf(containerId).flatMap((owner) => this.read(owner) ?? []);
  }

  /** Hashes of the attachments of a network that have a record. */
  attachmentsOf(networkHash: string): readonly string[] {
    const names = safeRead(() => readdirSync(this.#folder(networkHash))) ?? [];
    return names.flatMap((name) => HEX.attachment.exec(name)?.[1] ?? []);
  }

  #networks(): readonly string[] {
    return (safeRead(() => readdirSync(this.#root)) ?? []).filter((name) => HEX.network.test(name));
  }

  /** Every record of this boot and namespace. */
  all(): readonly PublishRecord[] {
    return this.#networks().flatMap((networkHash) =>
      this.attachmentsOf(networkHash).flatMap((hash) => this.read({ networkHash, hash }) ?? []),
    );
  }

  /** Forgets the hints of an attachment whose record is lost; looks at all of them. */
  forgetHints({ hash }: Pick<OwnerHashes, 'hash'>): void {
    for (const hint of this.hints.all()) if (hint.hash === hash) hint.drop();
  }

  /** Forgets hints of attachments that have no record: what a killed ADD or DEL left. */
  removeStrayHints(): void {
    // Before the records: an ADD writes its record first, so the hint of one that begins now is not here or not stray.
    const hints = this.hints.all();
    const known = new Set(this.all().map(({ owner }) => owner.hash));
    for (const hint of hints) if (!known.has(hint.hash)) hint.drop();
  }

  /** Whether any attachment of this host has a record, or an ADD of one has begun. */
  isUsed(): boolean {
    return this.#networks().some((network) => (safeRead(() => readdirSync(this.#folder(network))) ?? []).length > 0);
  }

  /** Removes folders that are empty. */
  removeIfEmpty(): void {
    for (const path of [this.#root, this.stateDir])
      ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'], () => rmdirSync(path));
  }

  /** Removes what earlier boots left. */
  removeOtherBoots(): void {
    const boot = currentGeneration().split('.')[0] ?? '';
    for (const name of safeRead(() => readdirSync(this.stateDir)) ?? []) {
      if (/^[0-9a-f-]{36}\.\d+$/.test(name) && !name.startsWith(`${boot}.`)) {
        rmSync(join(this.stateDir, name), { recursive: true, force: true });
      }
    }
  }
}
