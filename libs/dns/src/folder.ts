/**
 * What is on disk, below `/run/flatnet/dns/<boot>.<network namespace>/`:
 *
 *   lock               held by the one call that changes something
 *   <network hash>/    zone.json, conf, pid, hosts/<attachment hash>.<container hash>
 *   view.<hash>/       conf, pid: the server of containers that are on several networks
 *
 * dnsmasq runs as nobody: it has to reach `hosts`, so that the folders may be passed by everyone, whatever umask a runtime has.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { sha256Hex } from '@flatnet/digest';
import { currentGeneration, ignoring, readIfThere, safeRead } from '@flatnet/kernel/state';
import { entryIn, hostsFileOf } from './hosts-file.ts';
import type { Entry, OwnerKey, Zone } from './model.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/dns';

const NETWORK = /^[0-9a-f]{12}$/;
const VIEW = /^view\.[0-9a-f]{12}$/;
const ATTACHMENT = /^([0-9a-f]{24})\.([0-9a-f]{12})$/;
const PASSABLE = 0o711;
const READABLE = 0o755;

/** The file of an attachment in its network's folder. */
interface HostsFile {
  readonly file: string;
  readonly hash: string;
  readonly containerHash: string;
}

const containerHashOf = (containerId: string): string => sha256Hex(containerId).slice(0, 12);
const fileOf = ({ hash, containerId }: OwnerKey): string => `${hash}.${containerHashOf(containerId)}`;

export class DnsFolder {
  readonly #root: string;

  constructor(
    readonly stateDir = DEFAULT_STATE_DIR,
    private readonly generation = currentGeneration(),
  ) {
    this.#root = join(stateDir, generation);
  }

  get lock(): string {
    return join(this.#root, 'lock');
  }
  /** @param server hash of a network, or name of a view. */
  conf(server: string): string {
    return join(this.#root, server, 'conf');
  }
  pid(server: string): string {
    return join(this.#root, server, 'pid');
  }
  hosts(networkHash: string): string {
    return join(this.#root, networkHash, 'hosts');
  }

  /** Whether anything was ever served here: without it there is nothing to lock. */
  exists(): boolean {
    return safeRead(() => readdirSync(this.#root)) !== undefined;
  }

  /** Whether others may pass the folder in which all of this is: what is below is made so. */
  isPassable(): boolean {
    return (statSync(dirname(dirname(this.stateDir))).mode & 0o001) !== 0;
  }

  /** Makes the folders that the lock needs. */
  makeRoot(): void {
    folder(dirname(this.stateDir), PASSABLE);
    for (const path of [this.stateDir, this.#root]) folder(path, READABLE);
  }

  /** Replaces the file in one step: dnsmasq and other calls read the old one or the new one. */
  #replace(server: string, path: string, text: string): void {
    const temporary = join(this.#root, server, 'new');
    writeFileSync(temporary, text, { mode: 0o644 });
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
  }

  readConf(server: string): string | undefined {
    return readIfThere(this.conf(server));
  }
  writeConf(server: string, text: string): void {
    folder(join(this.#root, server), READABLE);
    this.#replace(server, this.conf(server), text);
  }

  readZone(networkHash: string): Zone | undefined {
    return parsed<Zone>(readIfThere(join(this.#root, networkHash, 'zone.json')));
  }
  writeZone(zone: Zone): void {
    for (const path of [join(this.#root, zone.networkHash), this.hosts(zone.networkHash)]) folder(path, READABLE);
    this.#replace(zone.networkHash, join(this.#root, zone.networkHash, 'zone.json'), JSON.stringify(zone));
  }

  readEntry(owner: OwnerKey): Entry | undefined {
    return this.#entryIn(owner.networkHash, fileOf(owner));
  }
  #entryIn(networkHash: string, file: string): Entry | undefined {
    const text = readIfThere(join(this.hosts(networkHash), file));
    return text === undefined ? undefined : entryIn(text);
  }
  writeEntry(entry: Entry): void {
    const { owner } = entry;
    this.#replace(owner.networkHash, join(this.hosts(owner.networkHash), fileOf(owner)), hostsFileOf(entry));
  }
  removeEntry(owner: OwnerKey): void {
    this.removeFile(owner.networkHash, fileOf(owner));
  }
  removeFile(networkHash: string, file: string): void {
    ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(join(this.hosts(networkHash), file)));
  }

  /** Hashes of the networks. */
  networks(): readonly string[] {
    return this.#names(this.#root).filter((name) => NETWORK.test(name));
  }
  views(): readonly string[] {
    return this.#names(this.#root).filter((name) => VIEW.test(name));
  }
  /** The attachments of a network, by names of files alone. */
  attachments(networkHash: string): readonly HostsFile[] {
    return this.#names(this.hosts(networkHash)).flatMap((file) => {
      const [, hash, containerHash] = ATTACHMENT.exec(file) ?? [];
      return hash === undefined || containerHash === undefined ? [] : [{ file, hash, containerHash }];
    });
  }
  /** @param containerHash of one container; all are meant where it is absent. */
  entries(networkHash: string, containerHash?: string): readonly Entry[] {
    return this.attachments(networkHash)
      .filter((each) => containerHash === undefined || each.containerHash === containerHash)
      .flatMap(({ file }) => this.#entryIn(networkHash, file) ?? []);
  }
  #names(path: string): readonly string[] {
    return safeRead(() => readdirSync(path)) ?? [];
  }

  /** @param server hash of a network, or name of a view. */
  remove(server: string): void {
    rmSync(join(this.#root, server), { recursive: true, force: true });
  }

  /** Removes the lock and the folders, when no network is left. The caller has the lock. */
  removeIfEmpty(): void {
    if (this.networks().length + this.views().length > 0) return;
    ignoring(['ENOENT'], () => unlinkSync(this.lock));
    for (const path of [this.#root, this.stateDir]) {
      ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'], () => rmdirSync(path));
    }
  }

  /** Removes what earlier boots left. */
  removeOtherBoots(): void {
    const [boot = ''] = this.generation.split('.');
    for (const name of this.#names(this.stateDir)) {
      if (/^[0-9a-f-]{36}\.\d+$/.test(name) && !name.startsWith(`${boot}.`))
        rmSync(join(this.stateDir, name), { recursive: true, force: true });
    }
  }
}

function folder(path: string, mode: number): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
}

function parsed<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
