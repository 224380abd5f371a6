/**
 * What the kernel cannot tell: which attachment published what, under its name. One small file per attachment:
 *
 *   <stateDir>/<boot id>-<inode of the host's network namespace>/<network hash>/<attachment hash>.json    its plan
 *   <stateDir>/<…>/address/<family>-<protocol>-<port>/<attachment hash>      hint: this port is published on one address
 *
 * The elements in the kernel are the claims; a record only says where to look, so that DEL lists nothing, a conflict can name its
 * owner, and `reload` can rebuild. It is written before the first element and removed after the last. The rules live in one network
 * namespace until the next boot, and so does the folder's name: records of another boot are never read.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Masquerade } from '../masquerade.ts';
import { listenKey, type Owner, type Plan, type Port, portsOf } from './model.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/hostport';

/** A plan, and how to tell whether its container is still there. */
export interface PublishRecord extends Plan {
  readonly version: 1;
  /** CNI_NETNS at ADD, and `device:inode` of what it was. */
  readonly netns: string;
  readonly netnsId: string;
  /** Outbound masquerade that the network has while any of its attachments has a record. */
  readonly masquerade?: Masquerade;
}

const missing = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
};

const ignoring = (codes: readonly string[], work: () => void): void => {
  try {
    work();
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
};

const safeRead = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch (error) {
    if (missing(error)) return undefined;
    throw error;
  }
};

const HEX = { network: /^[0-9a-f]{12}$/, attachment: /^([0-9a-f]{24})\.json$/ };

/** The records of this boot and network namespace, below `stateDir`. All work is synchronous: it is a few dozen microseconds. */
export class Records {
  readonly #root: string;

  constructor(
    readonly stateDir: string = DEFAULT_STATE_DIR,
    generation: string = currentGeneration(),
  ) {
    this.#root = join(stateDir, generation);
  }

  #folder(networkHash: string): string {
    return join(this.#root, networkHash);
  }

  /** Undefined when there is none, or none that can be read: torn state counts as absent. */
  read(owner: Pick<Owner, 'networkHash' | 'hash'>): PublishRecord | undefined {
    const text = safeRead(() => readFileSync(join(this.#folder(owner.networkHash), `${owner.hash}.json`), 'utf8'));
    if (text === undefined) return undefined;
    try {
      const record = JSON.parse(text) as PublishRecord;
      return record.version === 1 ? record : undefined;
    } catch {
      return undefined;
    }
  }

  /** Replaces the attachment's record in one step. */
  write(record: PublishRecord): void {
    const folder = this.#folder(record.owner.networkHash);
    const temporary = join(folder, `.${record.owner.hash}.${process.pid}`);
    const save = (): void => writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
    try {
      save();
    } catch (error) {
      if (!missing(error)) throw error;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      save();
    }
    renameSync(temporary, join(folder, `${record.owner.hash}.json`));
  }

  /** Removes the attachment's record and its hints; success when there is none. */
  remove(record: Pick<Plan, 'owner' | 'publications'>): void {
    ignoring(['ENOENT', 'ENOTDIR'], () =>
      unlinkSync(join(this.#folder(record.owner.networkHash), `${record.owner.hash}.json`)),
    );
    ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(this.#folder(record.owner.networkHash)));
    this.forgetAddresses(record.owner, portsOf(record.publications));
  }

  /** Hashes of the attachments of a network that have a record. */
  attachmentsOf(networkHash: string): readonly string[] {
    const names = safeRead(() => readdirSync(this.#folder(networkHash))) ?? [];
    return names.flatMap((name) => HEX.attachment.exec(name)?.[1] ?? []);
  }

  /** Every record of this boot and namespace. */
  all(): readonly PublishRecord[] {
    const networks = (safeRead(() => readdirSync(this.#root)) ?? []).filter((name) => HEX.network.test(name));
    return networks.flatMap((networkHash) =>
      this.attachmentsOf(networkHash).flatMap((hash) => this.read({ networkHash, hash }) ?? []),
    );
  }

  #addressFolder(port: Port): string {
    return join(
      this.#root,
      'address',
      listenKey({ ...port, hostIp: '' })
        .replaceAll('/', '-')
        .replace(/-$/, ''),
    );
  }

  /** Says, before the claim in the kernel, that ports are about to be published on one address. */
  hintAddresses(owner: Owner, ports: readonly Port[]): void {
    for (const port of ports) {
      if (port.hostIp === undefined) continue;
      const folder = this.#addressFolder(port);
      const hint = (): void => writeFileSync(join(folder, owner.hash), '', { mode: 0o600 });
      // A DEL of another container may remove the empty folder between these two.
      for (let attempt = 0; ; attempt += 1) {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        try {
          hint();
          break;
        } catch (error) {
          if (!missing(error) || attempt === 5) throw error;
        }
      }
    }
  }

  forgetAddresses(owner: Owner, ports: readonly Port[]): void {
    for (const port of ports) {
      if (port.hostIp === undefined) continue;
      const folder = this.#addressFolder(port);
      ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(join(folder, owner.hash)));
      ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(folder));
    }
  }

  /** Whether one of these ports may be published on a single address by somebody: yes is a hint, no is a fact. */
  mayBeOnAddress(ports: readonly Port[]): boolean {
    if (!existsSync(join(this.#root, 'address'))) return false;
    return ports.some((port) => port.hostIp === undefined && existsSync(this.#addressFolder(port)));
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

/** `<boot id>.<inode of the network namespace>`: how long, and where, rules of the kernel are what a record says. */
export const currentGeneration = (): string => {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? '0';
  return `${boot}.${namespace}`;
};

/** `device:inode` of a network namespace; undefined when there is nothing at the path. */
export const netnsIdOf = (path: string): string | undefined => {
  const stat = safeRead(() => statSync(path));
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
};

/**
 * Whether the container of a record is gone for certain: its network namespace is. What cannot be told (no permission, no netns in
 * the record) counts as alive.
 */
export const isDead = (record: Pick<PublishRecord, 'netns' | 'netnsId'>): boolean => {
  if (record.netns === '') return false;
  try {
    return netnsIdOf(record.netns) !== record.netnsId;
  } catch {
    return false;
  }
};
