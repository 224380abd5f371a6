import { errnoName } from './errno.ts';

/** A call of libc that failed. */
export class SysError extends Error {
  override readonly name = 'SysError';
  /** The name of the number: `ENOENT`. */
  readonly code: string;

  /**
   * @param call the function of libc: `setns`.
   * @param errno the positive number of errno(3).
   * @param object what it was called on: a path, or what the descriptor is.
   */
  constructor(
    readonly call: string,
    readonly errno: number,
    readonly object = '',
  ) {
    const code = errnoName(errno);
    super(`${call}${object === '' ? '' : ` ${object}`}: ${code}`);
    this.code = code;
  }
}

/** This process cannot call libc at all. The message says why and what to do. */
export class SysUnavailable extends Error {
  override readonly name = 'SysUnavailable';
}
