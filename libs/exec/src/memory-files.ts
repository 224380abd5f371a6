import { closeSync, constants, fstatSync, openSync, readSync, statfsSync } from 'node:fs';

/** In memory. First the one that only root can fill; what is missing, read-only, closed to us or full is passed over. */
const PLACES = ['/run', '/dev/shm'];
/** A place with less room is as good as full: it cannot be told afterwards what could not be written. */
const ROOM_BYTES = 16 << 20;

/** An unnamed file, which goes with its last descriptor (open(2)). Not among Node's constants; O_DIRECTORY is part of it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/**
 * Where a program writes stdout and stderr, instead of two pipes that must be read: a stream costs 1.5 ms under Bun, the first of a
 * process, a file 0.03. Not for tools that a security module confines (SELinux: ip, nft): those may write to pipes, but not to our
 * files.
 */
export class MemoryFiles {
  private constructor(
    readonly place: string,
    readonly stdout: number,
    readonly stderr: number,
  ) {}

  /** Undefined when no place takes them. */
  static open(): MemoryFiles | undefined {
    for (const place of PLACES) {
      const stdout = hasRoom(place) ? openUnnamed(place) : undefined;
      if (stdout === undefined) continue;
      const stderr = openUnnamed(place);
      if (stderr !== undefined) return new MemoryFiles(place, stdout, stderr);
      closeSync(stdout);
    }
    return undefined;
  }

  /** Bytes in the larger of the two. */
  get size(): number {
    return Math.max(fstatSync(this.stdout).size, fstatSync(this.stderr).size);
  }

  /** Whether the place has no room left, so that what was written may be missing. */
  get isFull(): boolean {
    const { blocks, bavail } = statfsSync(this.place);
    return blocks > 0 && bavail === 0;
  }

  /** At most `maxBytes` of each. */
  read(maxBytes: number): { readonly stdout: string; readonly stderr: string } {
    return { stdout: textOf(this.stdout, maxBytes), stderr: textOf(this.stderr, maxBytes) };
  }

  close(): void {
    closeSync(this.stdout);
    closeSync(this.stderr);
  }
}

function hasRoom(place: string): boolean {
  try {
    const { blocks, bavail, bsize } = statfsSync(place);
    // A tmpfs without a limit says that it has no blocks at all.
    return blocks === 0 || bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}

// Appending, because a shell's "> /dev/stderr" opens the file anew, and both descriptors have to add to its end.
function openUnnamed(place: string): number | undefined {
  try {
    return openSync(place, O_TMPFILE | constants.O_RDWR | constants.O_APPEND, 0o600);
  } catch {
    return undefined;
  }
}

function textOf(file: number, maxBytes: number): string {
  const bytes = Buffer.allocUnsafe(Math.min(fstatSync(file).size, maxBytes));
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(file, bytes, filled, bytes.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.toString('utf8', 0, filled);
}
