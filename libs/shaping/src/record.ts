/**
 * What the kernel cannot tell: the names of an attachment, and the limits that it asked for. One small file each:
 *
 *   <stateDir>/<boot id>.<inode of the host's network namespace>/<network hash>/<attachment hash>.json
 *
 * It is a hint for `reload`, CHECK and lists. What is to be removed is found by names in the kernel alone.
 */
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
import { currentGeneration, ignoring, isMissing, safeRead } from '@flatnet/kernel/state';
import type { Limits, Owner, OwnerKey, Redirection } from './model.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/shaping';

export interface ShapeRecord {
  readonly version: 1;
  readonly owner: Owner;
  /** What ADD asked for. */
  readonly limits: Limits;
  /** What the operator has set since, in its place until the next ADD. */
  readonly override?: Limits;
  /** Names of the host's interfaces in the result of the plugins before, and CNI_NETNS. */
  readonly named: readonly string[];
  readonly netns: string;
  readonly redirection?: Redirection;
}

/** The limits that hold. */
export const limitsOf = ({ limits, override }: ShapeRecord): Limits => override ?? limits;

const WRITE_TRIES = 5;
const NETWORK = /^[0-9a-f]{12}$/;
const RECORD = /^([0-9a-f]{24})\.json$/;

/** The records of this boot and network namespace, below `stateDir`. */
export class ShapeRecords {
  readonly #root: string;

  constructor(
    readonly stateDir: string = DEFAULT_STATE_DIR,
    private readonly generation: string = currentGeneration(),
  ) {
    this.#root = join(stateDir, generation);
  }

  #path({ networkHash, hash }: OwnerKey): string {
    return join(this.#root, networkHash, `${hash}.json`);
  }

  /** Undefined when there is none, or none that can be read: torn state counts as absent. */
  read(owner: OwnerKey): ShapeRecord | undefined {
    const text = safeRead(() => readFileSync(this.#path(owner), 'utf8'));
    if (text === undefined) return undefined;
    try {
      const record = JSON.parse(text) as ShapeRecord;
      return record.version === 1 ? record : undefined;
    } catch {
      return undefined;
    }
  }

  /** Replaces the attachment's record in one step. */
  write(record: ShapeRecord): void {
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
  remove(owner: OwnerKey): void {
    const path = this.#path(owner);
    for (const file of [path, `${path}.new`]) ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(file));
    for (const folder of [dirname(path), this.#root, this.stateDir]) {
      ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'], () => rmdirSync(folder));
    }
  }

  /** Every record, or those of one network. */
  all(networkHash?: string): readonly ShapeRecord[] {
    const list = (folder: string): readonly string[] => safeRead(() => readdirSync(folder)) ?? [];
    const networks = networkHash === undefined ? list(this.#root).filter((name) => NETWORK.test(name)) : [networkHash];
    return networks.flatMap((network) =>
      list(join(this.#root, network)).flatMap((name) => {
        const hash = RECORD.exec(name)?.[1];
        return hash === undefined ? [] : (this.read({ networkHash: network, hash }) ?? []);
      }),
    );
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
