import { CniError, ErrorCode, shown } from '@flatnet/cni';
import { StoreError, type StoreErrorKind } from '@flatnet/store';

const CODES: Record<StoreErrorKind, number> = {
  io: ErrorCode.ioFailure,
  unsafe: ErrorCode.invalidConfig,
  busy: ErrorCode.tryAgainLater,
  orphaned: ErrorCode.tryAgainLater,
};

const NEXT: Record<StoreErrorKind, string> = {
  io: 'check that the disk of ipam.dataDir is writable and not full',
  unsafe: 'ipam.dataDir must be a directory of its own, owned by root and writable by nobody else',
  busy: 'try again',
  orphaned: 'try again',
};

/** Runs a step of the store; its errors become the protocol's, with what to do next. */
export const withStore = async <T>(doing: string, work: () => T | Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const details = `${shown(error.path)}: ${error.message}; ${NEXT[error.kind]}`;
    throw new CniError(CODES[error.kind], `could not ${doing}`, details, { cause: error });
  }
};
