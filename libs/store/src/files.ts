import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { errnoOf } from './error.ts';

export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'other';
  readonly ino: bigint;
  /** Inode number and modification time: file systems give the number of a removed file to the next one. */
  readonly identity: string;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly mode: bigint;
  /** Modification time, seconds. */
  readonly mtime: number;
  /** Time of the last change of the inode, seconds; for a directory also that of its last rename. */
  readonly ctime: number;
}

/**
 * The system calls of the store, all synchronous: a process that is killed has no thread that still writes. The interface is the
 * seam where tests crash a process before its n-th change, or let another process run in between.
 */
export interface Files {
  /** Facts without following a symlink; undefined when there is nothing. */
  lstat(path: string): FileFacts | undefined;
  /** Names in a directory; empty when there is none. */
  list(path: string): readonly string[];
  /** The text of a regular file of at most `maxBytes`; undefined for anything else. Never blocks, never follows a symlink. */
  read(path: string, maxBytes: number): string | undefined;
  mkdir(path: string): void;
  rmdir(path: string): void;
  /** Creates a file that must not exist. */
  create(path: string, text: string): void;
  /** Writes from the start without cutting the file first, so that a reader never sees it empty. */
  overwrite(path: string, text: string): void;
  link(from: string, to: string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  setMtime(path: string, seconds: number): void;
  removeTree(path: string): void;
}

const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const OVERWRITE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const absent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '');

const writeTo = (path: string, flags: number, text: string): void => {
  const file = openSync(path, flags, 0o600);
  try {
    const bytes = Buffer.from(text);
    // A nearly full disk takes a part of the bytes without an error; the next write tells.
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
  } finally {
    closeSync(file);
  }
};

export const realFiles: Files = {
  lstat(path) {
    try {
      const stat = lstatSync(path, { bigint: true });
      const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
      const { ino, nlink, uid, mode } = stat;
      const identity = `${ino}-${stat.mtimeNs}`;
      return {
        kind,
        ino,
        identity,
        nlink,
        uid,
        mode,
        mtime: Number(stat.mtimeMs) / 1000,
        ctime: Number(stat.ctimeMs) / 1000,
      };
    } catch (error) {
      if (absent(error)) return undefined;
      throw error;
    }
  },
  list(path) {
    try {
      return readdirSync(path);
    } catch (error) {
      if (absent(error)) return [];
      throw error;
    }
  },
  read(path, maxBytes) {
    let file: number;
    try {
      file = openSync(path, READ_FLAGS);
    } catch (error) {
      // ELOOP: a symlink. ENXIO: a socket or a device without a driver.
      if (absent(error) || ['ELOOP', 'ENXIO', 'ENODEV'].includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
    try {
      const stat = fstatSync(file);
      if (!stat.isFile() || stat.size > maxBytes) return undefined;
      const bytes = Buffer.alloc(stat.size);
      return bytes.toString('utf8', 0, readSync(file, bytes, 0, stat.size, 0));
    } finally {
      closeSync(file);
    }
  },
  mkdir: (path) => mkdirSync(path, 0o700),
  rmdir: (path) => rmdirSync(path),
  create: (path, text) => writeTo(path, CREATE_FLAGS, text),
  overwrite: (path, text) => writeTo(path, OVERWRITE_FLAGS, text),
  link: (from, to) => linkSync(from, to),
  rename: (from, to) => renameSync(from, to),
  unlink: (path) => unlinkSync(path),
  setMtime: (path, seconds) => utimesSync(path, seconds, seconds),
  removeTree: (path) => rmSync(path, { recursive: true, force: true }),
};

/** Removes a name; nothing there is success. A directory in its place is removed with what it holds. */
export const removeAny = (files: Files, path: string): void => {
  try {
    files.unlink(path);
  } catch (error) {
    if (absent(error)) return;
    if (!['EISDIR', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
    files.removeTree(path);
  }
};

/** Whether a time (seconds) is so long ago, or so far in the future: then the clock was set. */
export const isLongAgo = (time: number, seconds: number): boolean => Math.abs(Date.now() / 1000 - time) > seconds;
