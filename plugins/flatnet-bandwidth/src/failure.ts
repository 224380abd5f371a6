import { CniError, ErrorCode } from '@flatnet/cni';
import { isKernelRefusal, reasonOf, ShapingError, type ShapingProblem } from '@flatnet/shaping';

const CODES: Readonly<Record<ShapingProblem, number>> = {
  'no-interface': ErrorCode.invalidConfig,
  'no-peer': ErrorCode.invalidConfig,
  foreign: ErrorCode.conflict,
  unsupported: ErrorCode.notAvailable,
  failed: ErrorCode.ioFailure,
};

/** Does `work`; what the library or the kernel refuses becomes an error of the protocol about `doing`. */
export function named<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ShapingError) {
      const details = [error.message, error.next].filter((part) => part !== '').join('; ');
      throw new CniError(CODES[error.problem], `cannot ${doing}`, details, { cause: error });
    }
    if (!isKernelRefusal(error)) throw error;
    throw new CniError(ErrorCode.ioFailure, `cannot ${doing}`, nextStep(reasonOf(error)), { cause: error });
  }
}

const nextStep = (reason: string): string =>
  /EPERM|EACCES/.test(reason) ? `${reason}; run the runtime as root of the host's network namespace` : reason;
