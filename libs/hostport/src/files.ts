/** Files that somebody else may remove at any time. */

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
