/**
 * Why the store could not do it.
 * `io`: the file system refused (full, read-only, no rights). `unsafe`: a path is not ours, so it is not touched.
 * `busy`: another process is in the way; trying again helps. `orphaned`: the process that asked is gone.
 */
export type StoreErrorKind = 'io' | 'unsafe' | 'busy' | 'orphaned';

export class StoreError extends Error {
  override readonly name = 'StoreError';

  constructor(
    readonly kind: StoreErrorKind,
    message: string,
    readonly path: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The errno name of a failed system call ("ENOENT"), or undefined for any other error. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
