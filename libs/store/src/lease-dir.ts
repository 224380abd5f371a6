import { releaseAddresses } from './addresses.ts';
import { errnoOf, StoreError } from './error.ts';
import { isLongAgo, removeAny, type Files } from './files.ts';
import type { Layout } from './generation.ts';
import { attachmentName } from './names.ts';
import { FOREIGN_SECONDS, type Processes } from './process.ts';
import { readRecord } from './record.ts';

/**
 * The rule that makes the store right without a lock:
 *
 * A lease is a directory that holds the record. A directory has exactly one name, and rename(2) moves it in one step, so
 * a lease is always in one place: `tmp/<owner>~<n>` while a process works on it, `at/<attachment>` once it is committed. Only the
 * process in whose name it lies in `tmp` may make or remove `ip/*` links of its record.
 *
 * - ADD makes a directory in its own name, links the addresses (link(2) fails if one is taken), and commits by renaming the directory
 *   to `at/`. That fails (ENOTEMPTY) if the attachment has a lease, because a lease is never empty.
 * - DEL renames `at/…` to its own name: of two, one gets ENOENT. Then it removes links, record and directory.
 * - A process that died left its directory in its name. The first that renames it to itself owns the clean-up; if it dies, the next.
 * - A link in a segment (see generation.ts) is an `ip/*` link like any other, with one exception: any process may make one from the
 *   network's own `ip/*` link, of which it cannot say whose it is. So the owner removes that first, and then every link that is left.
 *
 * Why not two hard links to one record, one in `tmp` and one in `at`? ADD A dies after committing, before it removes its `tmp` name.
 * DEL takes `at`, a sweeper takes `tmp`: two owners of one lease. The sweeper looks at ip/a: still ours. DEL removes ip/a. ADD B
 * claims ip/a. The sweeper removes ip/a, which is B's.
 *
 * Between "is ip/a a link of my record?" and "remove it" no other process can change ip/a: only the owner may, and that is us. The record's
 * inode number cannot be reused meanwhile, since the record itself still lies in the directory.
 */
export const RECORD = 'lease';

const SEPARATOR = '~';
/** Each try after the first means that another process put a lease back in between. */
const MAX_TRIES = 100;
/** Path of a lease's directory in `tmp`, in the name of this process. */
export type LeaseDir = string;

/** `<owner>~<n>`, or `<owner>~<n>.<identity>` where exactly that directory was to be taken. */
const NAME = /^(.*)~[0-9]+(?:\.([0-9]+-[0-9]+))?$/;
const meantBy = (name: string): string | undefined => NAME.exec(name)?.[2];

/** Of the process, not of the object: two objects in one process have one owner name. */
let count = 0;

export class LeaseDirs {
  constructor(
    readonly files: Files,
    readonly layout: Layout,
    readonly processes: Processes,
  ) {}

  /** A name in `tmp` that is ours and that no process had before. */
  #name(meant?: string): LeaseDir {
    const suffix = meant === undefined ? '' : `.${meant}`;
    return `${this.layout.tmp}/${this.processes.self}${SEPARATOR}${count++}${suffix}`;
  }

  /** A new, still empty directory. */
  create(): LeaseDir {
    const dir = this.#name();
    this.files.mkdir(dir);
    return dir;
  }

  /** Makes the directory at `path` ours; undefined when it is not there (any more). */
  take(path: string, meant?: string): LeaseDir | undefined {
    const dir = this.#name(meant);
    try {
      this.files.rename(path, dir);
      return dir;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /**
   * Takes the directory at `path` only if it is still the one of this `identity`. If another lease came there meanwhile it goes back: its links were not
   * touched. Until then its name tells that it is misplaced, so that a sweep puts it back and DEL finds it.
   */
  takeExactly(path: string, identity: string): LeaseDir | undefined {
    if (this.files.lstat(path)?.identity !== identity) return undefined;
    const dir = this.take(path, identity);
    if (dir === undefined || this.files.lstat(dir)?.identity === identity) return dir;
    this.#putBack(dir, path);
    return undefined;
  }

  /** DEL found no lease at `at/<name>`: takes it where another process has it by mistake. */
  takeMisplaced(name: string): LeaseDir | undefined {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const misplaced = this.files.list(this.layout.tmp).filter((entry) => meantBy(entry) !== undefined);
      for (const entry of misplaced) {
        const path = `${this.layout.tmp}/${entry}`;
        if (!this.#isMisplaced(path, meantBy(entry)) || this.#attachmentOf(path) !== name) continue;
        const dir = this.take(path);
        if (dir !== undefined) return dir;
      }
      if (misplaced.length === 0) return undefined;
      // One that was put back in between is in its place again.
      const dir = this.take(`${this.layout.at}/${name}`);
      if (dir !== undefined) return dir;
      if (misplaced.every((entry) => this.files.lstat(`${this.layout.tmp}/${entry}`) !== undefined)) return undefined;
    }
    return undefined;
  }

  #isMisplaced(path: string, meant: string | undefined): boolean {
    const identity = this.files.lstat(path)?.identity;
    return meant !== undefined && identity !== undefined && identity !== meant;
  }

  #attachmentOf(path: string): string | undefined {
    const lease = readRecord(this.files, `${path}/${RECORD}`);
    return lease === undefined ? undefined : attachmentName(lease.attachment);
  }

  #putBack(dir: LeaseDir, path: string): void {
    try {
      if (!this.commit(dir, path)) this.dispose(dir);
    } catch (error) {
      // A DEL of its attachment took it from here.
      if (!(error instanceof StoreError && error.kind === 'busy')) throw error;
    }
  }

  /** Makes a directory the lease of an attachment; false when the attachment has one. */
  commit(dir: LeaseDir, path: string): boolean {
    try {
      this.files.rename(dir, path);
      return true;
    } catch (error) {
      const code = errnoOf(error) ?? '';
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(code)) return false;
      if (code === 'ENOENT')
        throw new StoreError('busy', 'the lease in the making was taken for a dead one', dir, { cause: error });
      throw error;
    }
  }

  /**
   * Removes everything of a lease. Repeatable: whatever it was cut short at, the next owner does the rest.
   * With `cooling` the address links move to `freed/`, which needs no new inode.
   */
  dispose(dir: LeaseDir, cooling = false): void {
    if (this.files.lstat(dir)?.kind !== 'directory') return removeAny(this.files, dir);
    const record = `${dir}/${RECORD}`;
    const facts = this.files.lstat(record);
    if (facts?.kind === 'file') releaseAddresses(this, record, facts.ino, cooling);
    this.#remove(dir, record);
  }

  #remove(dir: LeaseDir, record: string): void {
    try {
      removeAny(this.files, record);
      this.files.rmdir(dir);
    } catch (error) {
      const code = errnoOf(error) ?? '';
      if (code === 'ENOENT') return;
      // Files that are not ours lie in it.
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      this.files.removeTree(dir);
    }
  }

  /** Finishes what dead processes left. Normally one look into an empty directory. */
  collectAbandoned(): void {
    for (const name of this.files.list(this.layout.tmp)) {
      if (!this.#isAbandoned(name)) continue;
      const meant = meantBy(name);
      const dir = this.take(`${this.layout.tmp}/${name}`, meant);
      if (dir === undefined) continue;
      const attachment = this.#isMisplaced(dir, meant) ? this.#attachmentOf(dir) : undefined;
      if (attachment === undefined) this.dispose(dir);
      else this.#putBack(dir, `${this.layout.at}/${attachment}`);
    }
  }

  #isAbandoned(name: string): boolean {
    const owner = NAME.exec(name)?.[1] ?? '';
    if (owner === this.processes.self) return false;
    const state = this.processes.stateOf(owner);
    if (state !== 'unknown') return state === 'dead';
    // Since it came into that name: a DEL renames the lease, which may be years old, and only ctime is renewed by that.
    const facts = this.files.lstat(`${this.layout.tmp}/${name}`);
    return facts !== undefined && isLongAgo(facts.ctime, FOREIGN_SECONDS);
  }
}
