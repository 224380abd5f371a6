import { NetlinkError } from '@flatnet/netlink';
import { SysError, SysUnavailable } from '@flatnet/sys';

/** A setting that cannot be made: `no-interface` and `no-setting` are not there, `refused` has the kernel's word. */
export class TuningError extends Error {
  override readonly name = 'TuningError';

  /** @param next the next step, as an imperative. */
  constructor(
    readonly problem: 'no-interface' | 'no-setting' | 'refused',
    message: string,
    readonly next: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether the kernel, or libc, refused something. */
export const isKernelRefusal = (error: unknown): boolean =>
  error instanceof NetlinkError || error instanceof SysError || error instanceof SysUnavailable;
