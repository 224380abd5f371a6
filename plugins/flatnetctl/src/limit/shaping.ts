import { openHostWire, openRecords, type ShapeRecords, type Wire } from '@flatnet/shaping';
import { environment } from '../failure.ts';

/** The limits of this host: the kernel, and the records beside it. */
export interface Shaping {
  readonly wire: Wire;
  readonly records: ShapeRecords;
}

export const openShaping = (): Shaping => ({ wire: openHostWire(), records: openRecords() });

/** Does `work`; what the kernel refuses is told with the next step. @throws OperatorError */
export function asking<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { message, next } = error as { message?: string; next?: string };
    const denied = /EPERM|EACCES/.test(message ?? '');
    throw environment(
      `cannot ${doing}: ${message ?? String(error)}`,
      next || (denied ? 'run it as root' : 'flatnetctl doctor'),
      error,
    );
  }
}
