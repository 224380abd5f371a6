/** The plugins' log as it grows: the calls of all runtimes, those that go past flatnetd too. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** At most this much is read at once; what is older than that is passed over. */
const MOST = 1024 * 1024;

/** Follows a file by its inode, since the plugins rename it when it is full. */
export class LogFollower {
  #inode: number | undefined;
  #offset = 0;
  #rest = '';

  /** Begins at the end of what is there. */
  constructor(private readonly path: string) {
    this.#look((descriptor, { ino, size }) => {
      this.#inode = ino;
      this.#offset = size;
      void descriptor;
    });
  }

  /** Whole lines that have come since the last time; a torn one waits. */
  poll(): readonly string[] {
    let read = '';
    this.#look((descriptor, { ino, size }) => {
      if (ino !== this.#inode || size < this.#offset) [this.#inode, this.#offset, this.#rest] = [ino, 0, ''];
      if (size === this.#offset) return;
      const from = Math.max(this.#offset, size - MOST);
      const bytes = Buffer.alloc(size - from);
      const length = readSync(descriptor, bytes, 0, bytes.length, from);
      this.#offset = from + length;
      read = bytes.toString('utf8', 0, length);
    });
    const lines = (this.#rest + read).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines;
  }

  #look(use: (descriptor: number, facts: { readonly ino: number; readonly size: number }) => void): void {
    let descriptor: number;
    try {
      descriptor = openSync(this.path, 'r');
    } catch {
      // No plugin has run yet.
      return;
    }
    try {
      const facts = fstatSync(descriptor);
      if (facts.isFile()) use(descriptor, facts);
    } finally {
      closeSync(descriptor);
    }
  }
}
