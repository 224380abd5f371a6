/** What a lib keeps on disk beside the kernel's state: files that another process may remove at any time. */
import { readFileSync, statSync } from 'node:fs';

export const isMissing = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
};

export const ignoring = (codes: readonly string[], work: () => void): void => {
  try {
    work();
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
};

/** What `work` reads; undefined when it is not there. */
export const safeRead = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** `device:inode` of a network namespace; undefined when there is nothing at the path. */
export const netnsIdOf = (path: string): string | undefined => {
  const stat = safeRead(() => statSync(path));
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
};

/** The text of a file; undefined when there is none. @throws the system error of one that cannot be read. */
export const readIfThere = (path: string): string | undefined => safeRead(() => readFileSync(path, 'utf8'));
