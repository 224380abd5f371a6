/**
 * What is on disk, below `/run/flatnet/dns/<boot>.<network namespace>/`:
 *
 *   lock               held by the one call that changes something
 *   <network hash>/    zone.json, conf, pid, hosts/<attachment hash>
 *
 * dnsmasq runs as nobody: it has to reach `hosts`, so that the folders may be passed by everyone, whatever umask a runtime has.
 */
import { chmodSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { currentGeneration, ignoring, readIfThere, safeRead } from '@flatnet/kernel/state';
import { entryIn, hostsFileOf } from './hosts-file.ts';
import type { Entry, OwnerKey, Zone } from './model.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/dns';

const NETWORK = /^[0-9a-f]{12}$/;
const ATTACHMENT = /^[0-9a-f]{24}$/;
const PASSABLE = 0o711;
const READABLE = 0o755;

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
  of(networkHash: string): string {
    return join(this.#root, networkHash);
  }
  conf(networkHash: string): string {
    return join(this.of(networkHash), 'conf');
  }
  pid(networkHash: string): string {
    return join(this.of(networkHash), 'pid');
  }
  hosts(networkHash: string): string {
    return join(this.of(networkHash), 'hosts');
  }

  /** Whether anything was ever served here: without it there is nothing to lock. */
  exists(): boolean {
    return safeRead(() => readdirSync(this.#root)) !== undefined;
  }

  /** Makes the folders that the lock needs. */
  makeRoot(): void {
    folder(dirname(this.stateDir), PASSABLE);
    for (const path of [this.stateDir, this.#root]) folder(path, READABLE);
  }

  makeZone(networkHash: string): void {
    for (const path of [this.of(networkHash), this.hosts(networkHash)]) folder(path, READABLE);
  }

  /** Replaces the file in one step: dnsmasq and other calls read the old one or the new one. */
  #replace(networkHash: string, path: string, text: string): void {
    const temporary = join(this.of(networkHash), 'new');
    writeFileSync(temporary, text, { mode: 0o644 });
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
  }

  readConf(networkHash: string): string | undefined {
    return readIfThere(this.conf(networkHash));
  }
  writeConf(networkHash: string, text: string): void {
    this.#replace(networkHash, this.conf(networkHash), text);
  }

  readZone(networkHash: string): Zone | undefined {
    return parsed<Zone>(readIfThere(join(this.of(networkHash), 'zone.json')));
  }
  writeZone(zone: Zone): void {
    this.#replace(zone.networkHash, join(this.of(zone.networkHash), 'zone.json'), JSON.stringify(zone));
  }

  readEntry({ networkHash, hash }: OwnerKey): Entry | undefined {
    const text = readIfThere(join(this.hosts(networkHash), hash));
    return text === undefined ? undefined : entryIn(text);
  }
  writeEntry(entry: Entry): void {
    const { networkHash, hash } = entry.owner;
    this.#replace(networkHash, join(this.hosts(networkHash), hash), hostsFileOf(entry));
  }
  /** @returns whether there was one. */
  removeEntry({ networkHash, hash }: OwnerKey): boolean {
    return safeRead(() => (unlinkSync(join(this.hosts(networkHash), hash)), true)) ?? false;
  }

  /** Hashes of the networks. */
  networks(): readonly string[] {
    return (safeRead(() => readdirSync(this.#root)) ?? []).filter((name) => NETWORK.test(name));
  }
  /** Hashes of the attachments of a network. */
  attachments(networkHash: string): readonly string[] {
    return (safeRead(() => readdirSync(this.hosts(networkHash))) ?? []).filter((name) => ATTACHMENT.test(name));
  }
  entries(networkHash: string): readonly Entry[] {
    return this.attachments(networkHash).flatMap((hash) => this.readEntry({ networkHash, hash }) ?? []);
  }

  removeZone(networkHash: string): void {
    rmSync(this.of(networkHash), { recursive: true, force: true });
  }

  /** Removes the lock and the folders, when no network is left. The caller has the lock. */
  removeIfEmpty(): void {
    if (this.networks().length > 0) return;
    ignoring(['ENOENT'], () => unlinkSync(this.lock));
    for (const path of [this.#root, this.stateDir]) {
      ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'], () => rmdirSync(path));
    }
  }

  /** Removes what earlier boots left. */
  removeOtherBoots(): void {
    const [boot = ''] = this.generation.split('.');
    for (const name of safeRead(() => readdirSync(this.stateDir)) ?? []) {
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
