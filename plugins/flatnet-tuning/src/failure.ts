import { CniError, ErrorCode } from '@flatnet/cni';
import { isKernelRefusal, TuningError } from '@flatnet/tuning';

/** Does `work`; what the library or the kernel refuses becomes an error of the protocol about `doing`. */
export function named<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TuningError) {
      const code = error.problem === 'refused' ? ErrorCode.ioFailure : ErrorCode.invalidConfig;
      throw new CniError(code, `cannot ${doing}`, `${error.message}; ${error.next}`, { cause: error });
    }
    if (!isKernelRefusal(error)) throw error;
    const { message } = error as Error;
    throw new CniError(ErrorCode.ioFailure, `cannot ${doing}`, message, { cause: error });
  }
}
