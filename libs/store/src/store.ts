import type { Claim } from './adopt.ts';
import { claim, type ClaimRequest } from './claim.ts';
import { shareEarlierLeases } from './addresses.ts';
import {
  areOrphansDue,
  collectOrphans,
  collectOrphansOf,
  collectStale,
  collectUnreadable,
  forgetOldNames,
  releaseOthers,
} from './collect.ts';
import { errnoOf, StoreError } from './error.ts';
import { realFiles, type Files } from './files.ts';
import {
  collectOldGenerations,
  ensure,
  ensureFolder,
  exists,
  layoutOf,
  segmentsOf,
  type AddressFolder,
  type Layout,
} from './generation.ts';
import { importLeases, isImported } from './import.ts';
import type { LeaseStore, StoreOptions } from './lease-store.ts';
import { attachmentName, ipName, type LeaseKey } from './names.ts';
import { realProcesses, type Processes } from './process.ts';
import { readRecord, type Lease } from './record.ts';
import { LeaseDirs, RECORD, type LeaseDir } from './lease-dir.ts';
import { View } from './view.ts';

/** Entries of older boots that one ADD removes on the way, from each folder. */
const OLD_ENTRIES_PER_ADD = 500;
const LOCK_TIMEOUT_MS = 2_000;
/** An import of 65,000 leases takes seconds, and no ADD may overtake it. */
const IMPORT_TIMEOUT_MS = 20_000;

/** @throws StoreError when the boot id cannot be read or dataDir cannot be a store. */
export const openStore = (options: StoreOptions): LeaseStore =>
  new FileStore(options, options.files ?? realFiles, options.processes ?? realProcesses());

class FileStore implements LeaseStore {
  readonly network: string;
  readonly view: View;
  readonly #layout: Layout;
  readonly #leaseDirs: LeaseDirs;

  constructor(
    { network, dataDir, segment }: StoreOptions,
    readonly files: Files,
    readonly processes: Processes,
  ) {
    this.network = network;
    this.#layout = layoutOf(dataDir, network, processes.bootId, segment);
    this.#leaseDirs = new LeaseDirs(files, this.#layout, processes);
    this.view = new View(files, this.#layout, processes);
  }

  claim(request: ClaimRequest): Promise<Claim> {
    return this.#guardedAsync(async () => {
      ensure(this.files, this.#layout);
      this.#leaseDirs.collectAbandoned();
      shareEarlierLeases({ files: this.files, layout: this.#layout, processes: this.processes });
      for (const folder of this.#folders()) collectOldGenerations(this.files, folder, OLD_ENTRIES_PER_ADD);
      const { files, processes, view } = this;
      return await claim({ files, processes, view, layout: this.#layout, leaseDirs: this.#leaseDirs }, request);
    });
  }

  find(attachment: LeaseKey): Lease | undefined {
    return this.#guarded(() => {
      if (!exists(this.files, this.#layout)) return undefined;
      for (const name of this.#namesOf(attachment)) {
        const path = `${this.#layout.at}/${name}`;
        const lease = readRecord(this.files, `${path}/${RECORD}`);
        if (lease !== undefined && this.#isWhole(lease, path)) return lease;
      }
      return undefined;
    });
  }

  release(attachment: LeaseKey, cooling: boolean): boolean {
    return this.#guarded(() => {
      if (!exists(this.files, this.#layout)) return false;
      if (cooling) for (const folder of this.#folders()) this.#makeCoolingFolder(folder);
      const dir = this.#takeLeaseOf(attachment);
      if (dir !== undefined) this.#leaseDirs.dispose(dir, cooling);
      this.#leaseDirs.collectAbandoned();
      return dir !== undefined;
    });
  }

  releaseExactly({ lease, identity }: Claim): void {
    this.#guarded(() => {
      const dir = this.#leaseDirs.takeExactly(`${this.#layout.at}/${attachmentName(lease.attachment)}`, identity);
      if (dir !== undefined) this.#leaseDirs.dispose(dir);
    });
  }

  collect(valid: readonly LeaseKey[] | undefined): Promise<number> {
    return this.#guardedAsync(async () => {
      if (!exists(this.files, this.#layout)) return 0;
      const [files, layout, leaseDirs] = [this.files, this.#layout, this.#leaseDirs];
      leaseDirs.collectAbandoned();
      const released = valid === undefined ? 0 : releaseOthers(files, layout, leaseDirs, valid);
      collectUnreadable(files, layout, leaseDirs);
      await this.#locked(layout, LOCK_TIMEOUT_MS, () => {
        collectOrphans(files, layout);
        collectStale(files, layout, this.processes);
        forgetOldNames(files, layout);
      });
      await this.#collectSegments((segment) => collectStale(files, segment, this.processes));
      return released;
    });
  }

  collectOrphans(): Promise<number> {
    return this.#guardedAsync(async () => {
      if (!areOrphansDue(this.files, this.#layout, this.processes)) return 0;
      collectUnreadable(this.files, this.#layout, this.#leaseDirs);
      const own = await this.#locked(this.#layout, LOCK_TIMEOUT_MS, () => collectOrphans(this.files, this.#layout));
      return own + (await this.#collectSegments());
    });
  }

  async #collectSegments(more: (segment: AddressFolder) => void = () => undefined): Promise<number> {
    let removed = 0;
    for (const segment of segmentsOf(this.files, this.#layout)) {
      if (this.files.lstat(segment.generation) === undefined) continue;
      await this.#locked(segment, LOCK_TIMEOUT_MS, () => {
        removed += collectOrphansOf(this.files, segment);
        more(segment);
      });
    }
    return removed;
  }

  importFrom(folder: string): Promise<number> {
    return this.#guardedAsync(async () => {
      if (isImported(this.files, this.#layout, folder)) return 0;
      ensure(this.files, this.#layout);
      const { files, processes } = this;
      const parts = { files, processes, layout: this.#layout, leaseDirs: this.#leaseDirs };
      return await this.#locked(this.#layout, IMPORT_TIMEOUT_MS, () => importLeases(parts, this.network, folder));
    });
  }

  probe(): void {
    this.#guarded(() => {
      ensure(this.files, this.#layout);
      const dir = this.#leaseDirs.create();
      try {
        this.files.create(`${dir}/${RECORD}`, 'probe\n');
        this.files.link(`${dir}/${RECORD}`, `${dir}/link`);
      } finally {
        this.#leaseDirs.dispose(dir);
      }
    });
  }

  #namesOf(attachment: LeaseKey): readonly string[] {
    return [attachment, { ...attachment, ifName: '' }].map(attachmentName);
  }

  #isWhole(lease: Lease, path: string): boolean {
    const ino = this.files.lstat(`${path}/${RECORD}`)?.ino;
    return lease.ips.every((ip) => this.files.lstat(`${this.#layout.ip}/${ipName(ip)}`)?.ino === ino);
  }

  #takeLeaseOf(attachment: LeaseKey): LeaseDir | undefined {
    const names = this.#namesOf(attachment);
    for (const name of names) {
      const dir = this.#leaseDirs.take(`${this.#layout.at}/${name}`);
      if (dir !== undefined) return dir;
    }
    for (const name of names) {
      const dir = this.#leaseDirs.takeMisplaced(name);
      if (dir !== undefined) return dir;
    }
    return undefined;
  }

  /** The network's own folder, and that of its segment. */
  #folders(): readonly AddressFolder[] {
    const { segment } = this.#layout;
    return segment === undefined ? [this.#layout] : [this.#layout, segment];
  }

  #makeCoolingFolder({ cooling }: AddressFolder): void {
    try {
      ensureFolder(this.files, cooling);
    } catch {
      // Full or read-only: then there is no cooldown, but a release.
    }
  }

  async #locked<T>({ lock }: AddressFolder, timeoutMs: number, work: () => T): Promise<T> {
    const { withLock } = await import('./lock.ts');
    return withLock({ path: lock, processes: this.processes, timeoutMs }, work);
  }

  /** Gives a failed system call the name of what was done. */
  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#named(error);
    }
  }

  async #guardedAsync<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#named(error);
    }
  }

  #named(error: unknown): unknown {
    const code = errnoOf(error);
    if (error instanceof StoreError || code === undefined || !(error instanceof Error)) return error;
    const path = 'path' in error && typeof error.path === 'string' ? error.path : this.#layout.generation;
    return new StoreError('io', error.message, path, { cause: error });
  }
}
