/** One small file for each attachment, in a folder for each network, in one for each boot and namespace of the host. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { currentGeneration } from './generation.ts';
import { ignoring, isMissing, safeRead } from './state-files.ts';

/** By which an attachment's file is found: hashes of its network, and of network, container and interface. */
export interface RecordKey {
  readonly networkHash: string;
  readonly hash: string;
}

export interface RecordOf<Owner extends RecordKey> {
  readonly version: 1;
  readonly owner: Owner;
}

const WRITE_TRIES = 5;
const NETWORK = /^[0-9a-f]{12}$/;
const RECORD = /^([0-9a-f]{24})\.json$/;

/**
 * The records below `stateDir` of this boot and network namespace: those of others are never read. All work is synchronous: it is a few
 * dozen microseconds. Folders that are empty go with the last file.
 */
export class RecordFolder<R extends RecordOf<RecordKey>> {
  readonly #root: string;

  constructor(
    readonly stateDir: string,
    private readonly generation: string = currentGeneration(),
  ) {
    this.#root = join(stateDir, generation);
  }

  #path({ networkHash, hash }: RecordKey): string {
    return join(this.#root, networkHash, `${hash}.json`);
  }

  /** Undefined when there is none, or none that can be read: torn state counts as absent. */
  read(owner: RecordKey): R | undefined {
    const text = safeRead(() => readFileSync(this.#path(owner), 'utf8'));
    if (text === undefined) return undefined;
    try {
      const record = JSON.parse(text) as R;
      return record.version === 1 ? record : undefined;
    } catch {
      return undefined;
    }
  }

  /** Replaces the attachment's record in one step. */
  write(record: R): void {
    const path = this.#path(record.owner);
    const temporary = `${path}.new`;
    // Another attachment's DEL removes folders that are empty, between our two steps too.
    for (let tries = WRITE_TRIES; ; tries -= 1) {
      try {
        writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
        break;
      } catch (error) {
        if (!isMissing(error) || tries === 0) throw error;
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      }
    }
    renameSync(temporary, path);
  }

  /** Removes it with folders that are empty then, and what an ADD left that was killed before its record had its name. */
  remove(owner: RecordKey): void {
    const path = this.#path(owner);
    for (const file of [path, `${path}.new`]) ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(file));
    for (const folder of [dirname(path), this.#root, this.stateDir]) {
      ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'], () => rmdirSync(folder));
    }
  }

  /** Every record, or those of one network. */
  all(networkHash?: string): readonly R[] {
    const networks =
      networkHash === undefined ? namesIn(this.#root).filter((name) => NETWORK.test(name)) : [networkHash];
    return networks.flatMap((network) =>
      this.names(network).flatMap((hash) => this.read({ networkHash: network, hash }) ?? []),
    );
  }

  /** Hashes of the attachments of a network that have a record, by names of files alone. */
  names(networkHash: string): readonly string[] {
    return namesIn(join(this.#root, networkHash)).flatMap((name) => RECORD.exec(name)?.[1] ?? []);
  }

  /** Removes what earlier boots left. */
  removeOtherBoots(): void {
    const boot = this.generation.split('.')[0] ?? '';
    for (const name of safeRead(() => readdirSync(this.stateDir)) ?? []) {
      if (/^[0-9a-f-]{36}\.\d+$/.test(name) && !name.startsWith(`${boot}.`)) {
        rmSync(join(this.stateDir, name), { recursive: true, force: true });
      }
    }
  }
}

const namesIn = (folder: string): readonly string[] => safeRead(() => readdirSync(folder)) ?? [];
