import { claim, type Claim, type ClaimRequest } from './claim.ts';
import { isReclaimDue, releaseOthers, removeOrphans, removeUnreadable, tidy } from './collect.ts';
import { errnoOf, StoreError } from './error.ts';
import { realFiles, type Files } from './files.ts';
import { ensure, ensureFolder, exists, layoutOf, purgeOldGenerations, type Layout } from './generation.ts';
import { importLeases, isImported } from './import.ts';
import { withLock } from './lock.ts';
import { attachmentName, ipName, type LeaseKey } from './names.ts';
import { realProcesses, type Processes } from './process.ts';
import { readRecord, type Lease } from './record.ts';
import { RECORD, Tokens } from './token.ts';
import { View, type StoreView } from './view.ts';

/** The leases of one network. All methods throw StoreError; none leaves anything half done that the next call does not finish. */
export interface LeaseStore {
  /** The attachment's lease, or a new one. */
  claim(request: ClaimRequest): Promise<Claim>;
  find(attachment: LeaseKey): Lease | undefined;
  /** Releases whatever the attachment has; nothing there is success. With `cooling` the time of release is noted. */
  release(attachment: LeaseKey, cooling: boolean): boolean;
  /** Takes back a claim of this process, and nothing that came in its place. */
  releaseExactly(claim: Claim): void;
  /** GC: releases all leases but those of `valid` (undefined: releases none), then cleans up. Answers how many were released. */
  collect(valid: readonly LeaseKey[] | undefined): Promise<number>;
  /** Frees addresses that no lease holds, answers how many. Reads everything, so a large store does it once a minute at most. */
  reclaim(): Promise<number>;
  /** Takes over a lease folder of host-local, unless that was done. */
  importFrom(folder: string): Promise<number>;
  /** Reading only; an absent store is an empty one. */
  readonly view: StoreView;
  /** Whether ADD could write here: makes and removes a lease of no address. @throws StoreError when not. */
  probe(): void;
}

export interface StoreOptions {
  readonly dataDir: string;
  readonly network: string;
  readonly files?: Files;
  readonly processes?: Processes;
}

/** Entries of older boots that one ADD removes on the way. */
const PURGE_BUDGET = 500;
const LOCK_TIMEOUT_MS = 2_000;
/** An import of 65,000 leases takes seconds, and no ADD may overtake it. */
const IMPORT_TIMEOUT_MS = 20_000;

/** @throws StoreError when the boot id cannot be read or dataDir cannot be a store. */
export const openStore = (options: StoreOptions): LeaseStore =>
  new FileStore(options.network, options.dataDir, options.files ?? realFiles, options.processes ?? realProcesses());

class FileStore implements LeaseStore {
  readonly view: View;
  readonly #layout: Layout;
  readonly #tokens: Tokens;

  constructor(
    readonly network: string,
    dataDir: string,
    readonly files: Files,
    readonly processes: Processes,
  ) {
    this.#layout = layoutOf(dataDir, network, processes.bootId);
    this.#tokens = new Tokens(files, this.#layout, processes);
    this.view = new View(files, this.#layout, processes);
  }

  claim(request: ClaimRequest): Promise<Claim> {
    return this.#guardedAsync(async () => {
      ensure(this.files, this.#layout);
      this.#tokens.sweep();
      purgeOldGenerations(this.files, this.#layout, PURGE_BUDGET);
      const { files, processes, view } = this;
      return await claim({ files, processes, view, layout: this.#layout, tokens: this.#tokens }, request);
    });
  }

  find(attachment: LeaseKey): Lease | undefined {
    return this.#guarded(() => {
      if (!exists(this.files, this.#layout)) return undefined;
      for (const path of this.#pathsOf(attachment)) {
        const lease = readRecord(this.files, `${path}/${RECORD}`);
        if (lease !== undefined && this.#isWhole(lease, path)) return lease;
      }
      return undefined;
    });
  }

  release(attachment: LeaseKey, cooling: boolean): boolean {
    return this.#guarded(() => {
      if (!exists(this.files, this.#layout)) return false;
      if (cooling) this.#makeFreedFolder();
      let released = false;
      for (const path of this.#pathsOf(attachment)) {
        const token = this.#tokens.take(path);
        if (token === undefined) continue;
        this.#tokens.dispose(token, cooling);
        released = true;
        break;
      }
      this.#tokens.sweep();
      return released;
    });
  }

  releaseExactly({ lease, ino }: Claim): void {
    this.#guarded(() => {
      const token = this.#tokens.takeExactly(`${this.#layout.at}/${attachmentName(lease.attachment)}`, ino);
      if (token !== undefined) this.#tokens.dispose(token);
    });
  }

  collect(valid: readonly LeaseKey[] | undefined): Promise<number> {
    return this.#guardedAsync(async () => {
      if (!exists(this.files, this.#layout)) return 0;
      const [files, layout, tokens] = [this.files, this.#layout, this.#tokens];
      tokens.sweep();
      const released = valid === undefined ? 0 : releaseOthers(files, layout, tokens, valid);
      removeUnreadable(files, layout, tokens);
      await this.#locked(LOCK_TIMEOUT_MS, () => {
        removeOrphans(files, layout);
        tidy(files, layout, this.processes);
      });
      return released;
    });
  }

  reclaim(): Promise<number> {
    return this.#guardedAsync(async () => {
      if (!isReclaimDue(this.files, this.#layout, this.processes)) return 0;
      removeUnreadable(this.files, this.#layout, this.#tokens);
      return await this.#locked(LOCK_TIMEOUT_MS, () => removeOrphans(this.files, this.#layout));
    });
  }

  importFrom(folder: string): Promise<number> {
    return this.#guardedAsync(async () => {
      if (isImported(this.files, this.#layout, folder)) return 0;
      ensure(this.files, this.#layout);
      const { files, processes } = this;
      const parts = { files, processes, layout: this.#layout, tokens: this.#tokens };
      return await this.#locked(IMPORT_TIMEOUT_MS, () => importLeases(parts, this.network, folder));
    });
  }

  probe(): void {
    this.#guarded(() => {
      ensure(this.files, this.#layout);
      const token = this.#tokens.create();
      try {
        this.files.create(`${token}/${RECORD}`, 'probe\n');
        this.files.link(`${token}/${RECORD}`, `${token}/link`);
      } finally {
        this.#tokens.dispose(token);
      }
    });
  }

  #pathsOf(attachment: LeaseKey): readonly string[] {
    const names = [attachment, { ...attachment, ifName: '' }].map(attachmentName);
    return names.map((name) => `${this.#layout.at}/${name}`);
  }

  #isWhole(lease: Lease, path: string): boolean {
    const ino = this.files.lstat(`${path}/${RECORD}`)?.ino;
    return lease.ips.every((ip) => this.files.lstat(`${this.#layout.ip}/${ipName(ip)}`)?.ino === ino);
  }

  #makeFreedFolder(): void {
    try {
      ensureFolder(this.files, this.#layout.freed);
    } catch {
      // Full or read-only: then there is no cooldown, but a release.
    }
  }

  #locked<T>(timeoutMs: number, work: () => T): Promise<T> {
    return withLock({ path: this.#layout.lock, processes: this.processes, timeoutMs }, work);
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
