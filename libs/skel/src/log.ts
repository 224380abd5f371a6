import { closeSync, constants, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

export const DEFAULT_LOG_FILE = '/run/flatnet/flatnet.log';
/** At this size the log is renamed to `<file>.1`, which replaces an older one: at most twice this is ever on disk. */
const MAX_LOG_BYTES = 5 * 1024 * 1024;

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Appends one line. One write with O_APPEND: lines of calls at the same time do not mix. The log is a courtesy: whatever goes
 * wrong here (full disk, read-only, a directory, a FIFO without a reader) is never a reason to fail.
 */
export function appendLog(file: unknown, line: string): void {
  const path = typeof file === 'string' && file.startsWith('/') ? file : DEFAULT_LOG_FILE;
  try {
    const log = openOrCreate(path);
    try {
      const facts = fstatSync(log);
      if (!facts.isFile()) return;
      writeSync(log, `${line}\n`);
      if (facts.size > MAX_LOG_BYTES) rotateLog(path, facts);
    } finally {
      closeSync(log);
    }
  } catch {
    // See above.
  }
}

/**
 * Renames the log that `written` tells of. Another call may have renamed it since we opened it: what `path` names then is a fresh log, and
 * would replace the old one.
 */
export function rotateLog(path: string, written: { readonly dev: number; readonly ino: number }): void {
  const present = statSync(path);
  if (present.ino === written.ino && present.dev === written.dev) renameSync(path, `${path}.1`);
}

function openOrCreate(path: string): number {
  try {
    return openSync(path, FLAGS, 0o600);
  } catch {
    mkdirSync(path.slice(0, path.lastIndexOf('/')) || '/', { recursive: true, mode: 0o755 });
    return openSync(path, FLAGS, 0o600);
  }
}
