import { CniError, ErrorCode } from '@flatnet/cni';
import { DnsError } from '@flatnet/dns';

const CODES: Readonly<Record<DnsError['problem'], number>> = {
  missing: ErrorCode.notAvailable,
  conflict: ErrorCode.invalidConfig,
  'not-started': ErrorCode.ioFailure,
  'no-answer': ErrorCode.ioFailure,
  busy: ErrorCode.tryAgainLater,
};

/** Does `work`; what the library refuses becomes an error of the protocol about `doing`. */
export async function named<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    throw new CniError(CODES[error.problem], `cannot ${doing}`, `${error.message}; ${error.next}`, { cause: error });
  }
}
