import { CniError, ErrorCode, type Verb } from '@flatnet/cni';

/** The times of one command, from stdin to the answer, on the clock of performance.now(). */
export interface Limits {
  readonly begin: number;
  /** The work, stdin included, ends here. */
  readonly work: number;
  /** Everything ends here, the undo of an ADD included. */
  readonly end: number;
}

/** A hung plugin must not block every container start of the host: no command takes more than 30 s. */
const END_MS = 28_000;
/** An ADD keeps a reserve for its undo. */
const ADD_WORK_MS = 21_000;
/** How long a handler gets to notice the abort (its tools are killed by the same signal) before its undos run anyway. */
const SETTLE_GRACE_MS = 2_000;
/** How much later than the end of our programs a signal that went to all of us may be noticed. */
const SIGNAL_GRACE_MS = 10;

/** @param begin when the command began. */
export const limitsOf = (verb: Verb | undefined, begin: number): Limits => ({
  begin,
  work: begin + (verb === 'ADD' ? ADD_WORK_MS : END_MS - SETTLE_GRACE_MS),
  end: begin + END_MS,
});

/** Why a command was cut short. `running`: the phases that had not finished. */
export const deadlinePassed = (verb: Verb, { begin, work }: Limits, running: readonly string[]): CniError =>
  new CniError(
    ErrorCode.tryAgainLater,
    `${verb} did not finish within ${Math.round((work - begin) / 100) / 10} seconds`,
    [
      ...(running.length === 0 ? [] : [`it was waiting for: ${running.join(', ')}`]),
      verb === 'ADD' ? 'it was undone; try again' : 'try again',
    ].join('; '),
  );

export const interrupted = (signal: string): CniError =>
  new CniError(ErrorCode.tryAgainLater, `interrupted by ${signal}`, 'it was undone; try again');

/**
 * Awaits `work`, or the abort of `signal` if that comes first. After an abort, `work` gets a grace to settle, since undoing next
 * to a running step would race with it; then the abort's reason is thrown.
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let grace: NodeJS.Timeout | undefined;
  const cut = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      grace = setTimeout(() => reject(signal.reason as Error), SETTLE_GRACE_MS);
      work.then(
        () => reject(signal.reason as Error),
        () => reject(signal.reason as Error),
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, cut]);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(grace);
  }
}

/**
 * Why `work` failed: a signal to the whole process group (timeout(1), a terminal, systemd) ends our programs as well, and their end may
 * be noticed before the signal; the signal is the reason then.
 */
export async function reasonOf(error: unknown, signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, SIGNAL_GRACE_MS));
  return signal.aborted ? signal.reason : error;
}
