import { EAFNOSUPPORT, EINVAL, ENOENT, EOPNOTSUPP, errnoName, SysError, SysUnavailable } from '@flatnet/sys';
import { NetlinkError } from '@flatnet/netlink';

/**
 * Why a limit cannot be set. `no-interface`: the container has no such interface. `no-peer`: it has no other end here, or one that was
 * not said to be ours. `foreign`: another program's queue, or a link of another kind under our name, is in the place. `unsupported`: the
 * kernel lacks a part. `failed`: the kernel refused.
 */
export type ShapingProblem = 'no-interface' | 'no-peer' | 'foreign' | 'unsupported' | 'failed';

export class ShapingError extends Error {
  override readonly name = 'ShapingError';

  /**
   * @param message what failed on which object.
   * @param next the next step, as an imperative; absent where the cause says it.
   */
  constructor(
    readonly problem: ShapingProblem,
    message: string,
    readonly next = '',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether the kernel, or libc, refused something. */
export const isKernelRefusal = (error: unknown): boolean =>
  error instanceof NetlinkError || error instanceof SysError || error instanceof SysUnavailable;

/** What the kernel said, in words. */
export const reasonOf = (error: unknown): string =>
  error instanceof NetlinkError
    ? `${error.request} ${error.code}${error.reason === undefined ? '' : ` (${error.reason})`}`
    : String((error as Error).message ?? error);

const EPROTONOSUPPORT = 93;

/** Whether a refusal means that the kernel does not have what was asked for. */
export const isUnsupported = (error: unknown): boolean =>
  (error instanceof NetlinkError &&
    [ENOENT, EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT, EINVAL].includes(error.errno)) ||
  (error instanceof SysError && error.call === 'socket' && errnoName(error.errno) !== 'EMFILE');

export const isErrno = (error: unknown, ...numbers: readonly number[]): boolean =>
  error instanceof NetlinkError && numbers.includes(error.errno);

/** Does `work`; a refusal with one of the numbers is as good as success. Answers whether `work` went through. */
export function unless(numbers: readonly number[], work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (!isErrno(error, ...numbers)) throw error;
    return false;
  }
}

/** Does all of `steps`, also after one has failed, and throws the first failure. */
export function toTheEnd(...steps: readonly (() => void)[]): void {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
