import { CniError, ErrorCode } from '@flatnet/cni';
import { LockBusy } from '@flatnet/kernel/lock';

/** Does `work`; a lock that is never free becomes an error of the protocol about `doing`. */
export async function named<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LockBusy)) throw error;
    throw new CniError(ErrorCode.tryAgainLater, `cannot ${doing}`, `${error.message}; try again`, { cause: error });
  }
}
