import { errnoOf, StoreError } from './error.ts';
import { isLongAgo, removeAny, type Files } from './files.ts';
import type { Layout } from './generation.ts';
import { ipName } from './names.ts';
import { FOREIGN_SECONDS, type Processes } from './process.ts';
import { readRecord } from './record.ts';

/**
 * The rule that makes the store right without a lock:
 *
 * A lease is a directory (its token) that holds the record. A directory has exactly one name, and rename(2) moves it in one step, so
 * a lease is always in one place: `tmp/<owner>~<n>` while somebody works on it, `at/<attachment>` once it is committed. Only the
 * process in whose name it lies in `tmp` may make or remove `ip/*` links of its record.
 *
 * - ADD makes a token in its own name, links the addresses (link(2) fails if one is taken), and commits by renaming the token to
 *   `at/`. That fails (ENOTEMPTY) if the attachment has a lease, because a token is never empty.
 * - DEL renames `at/…` to its own name: of two, one gets ENOENT. Then it removes links, record and directory.
 * - A process that died left its token in its name. Whoever renames that to itself first owns the clean-up; if it dies, the next.
 *
 * Why not two hard links to one record, one in `tmp` and one in `at`? ADD A dies after committing, before it removes its `tmp` name.
 * DEL takes `at`, a sweeper takes `tmp`: two owners of one lease. The sweeper looks at ip/a: still ours. DEL removes ip/a. ADD B
 * claims ip/a. The sweeper removes ip/a, which is B's.
 *
 * Between "is ip/a a link of my record?" and "remove it" nobody else can change ip/a: only the owner may, and that is us. The record's
 * inode number cannot be reused meanwhile, since the record itself still lies in the token.
 */
export const RECORD = 'lease';

const SEPARATOR = '~';
export type Token = string;

/** Of the process, not of the object: two objects in one process have one owner name. */
let count = 0;

export class Tokens {
  constructor(
    private readonly files: Files,
    private readonly layout: Layout,
    private readonly processes: Processes,
  ) {}

  /** A name in `tmp` that is ours and that nobody had before. */
  #name(): Token {
    return `${this.layout.tmp}/${this.processes.self}${SEPARATOR}${count++}`;
  }

  /** A new, still empty token. */
  create(): Token {
    const token = this.#name();
    this.files.mkdir(token);
    return token;
  }

  /** Makes the token at `path` ours; undefined when it is not there (any more). */
  take(path: string): Token | undefined {
    const token = this.#name();
    try {
      this.files.rename(path, token);
      return token;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /**
   * Takes the token at `path` only if it is still the directory `ino`. If another lease came there meanwhile it goes back: its links
   * were not touched, and `at` had no name for it for the time of two calls.
   */
  takeExactly(path: string, ino: bigint): Token | undefined {
    if (this.files.lstat(path)?.ino !== ino) return undefined;
    const token = this.take(path);
    if (token === undefined || this.files.lstat(token)?.ino === ino) return token;
    if (!this.commit(token, path)) this.dispose(token);
    return undefined;
  }

  /** Makes a token the lease of an attachment; false when the attachment has one. */
  commit(token: Token, path: string): boolean {
    try {
      this.files.rename(token, path);
      return true;
    } catch (error) {
      const code = errnoOf(error) ?? '';
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(code)) return false;
      if (code === 'ENOENT')
        throw new StoreError('busy', 'the lease in the making was taken for a dead one', token, { cause: error });
      throw error;
    }
  }

  /**
   * Removes everything of a token that is ours. Repeatable: whatever it was cut short at, the next owner does the rest.
   * With `cooling` the address links move to `freed/`, which needs no new inode.
   */
  dispose(token: Token, cooling = false): void {
    if (this.files.lstat(token)?.kind !== 'directory') return removeAny(this.files, token);
    const record = `${token}/${RECORD}`;
    const facts = this.files.lstat(record);
    if (facts?.kind === 'file') {
      const lease = readRecord(this.files, record);
      // The link count tells whether a record that cannot be read still has addresses; then, and only then, all are looked at.
      const unreadable = lease === undefined && facts.nlink > 1n;
      const names = unreadable ? this.files.list(this.layout.ip) : (lease?.ips.map(ipName) ?? []);
      const stamped = cooling && names.length > 0 && this.#stamp(record);
      for (const name of names) this.#releaseAddress(name, facts.ino, stamped);
    }
    this.#remove(token, record);
  }

  /**
   * Without the stamp the address is to be free at once: DEL must not fail for it, and by the wall clock's time that the record has it
   * would cool for ever.
   */
  #stamp(record: string): boolean {
    try {
      this.files.setMtime(record, Math.floor(this.processes.uptime()));
      return true;
    } catch {
      return false;
    }
  }

  #releaseAddress(name: string, record: bigint, cooling: boolean): void {
    const path = `${this.layout.ip}/${name}`;
    if (this.files.lstat(path)?.ino !== record) return;
    if (cooling) {
      try {
        this.files.rename(path, `${this.layout.freed}/${name}`);
        // rename(2) does nothing, successfully, when both names are links of one inode: a re-run after a crash.
        if (this.files.lstat(path)?.ino !== record) return;
      } catch {
        // No `freed` folder, no space: then it is free at once.
      }
    }
    removeAny(this.files, path);
  }

  #remove(token: Token, record: string): void {
    try {
      removeAny(this.files, record);
      this.files.rmdir(token);
    } catch (error) {
      const code = errnoOf(error) ?? '';
      if (code === 'ENOENT') return;
      // Things of a stranger lie in it.
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      this.files.removeTree(token);
    }
  }

  /** Finishes what dead processes left. Normally one look into an empty directory. */
  sweep(): void {
    for (const name of this.files.list(this.layout.tmp)) {
      if (!this.#isAbandoned(name)) continue;
      const token = this.take(`${this.layout.tmp}/${name}`);
      if (token !== undefined) this.dispose(token);
    }
  }

  #isAbandoned(name: string): boolean {
    const owner = name.slice(0, Math.max(0, name.lastIndexOf(SEPARATOR)));
    if (owner === this.processes.self) return false;
    const state = this.processes.stateOf(owner);
    if (state !== 'unknown') return state === 'dead';
    // Since it came into that name: a DEL renames the lease, which may be years old, and only ctime is renewed by that.
    const facts = this.files.lstat(`${this.layout.tmp}/${name}`);
    return facts !== undefined && isLongAgo(facts.ctime, FOREIGN_SECONDS);
  }
}
