import { CniError, ErrorCode } from '@flatnet/cni';

/** One whole command, from stdin to the answer: a hung plugin must not block every container start of the host. */
export const COMMAND_DEADLINE_MS = 30_000;
/** How long a handler gets to notice the abort (its tools are killed by the same signal) before its undos run anyway. */
const SETTLE_GRACE_MS = 2_000;
/** How much later than the end of our programs a signal that went to all of us may be noticed. */
const SIGNAL_GRACE_MS = 10;

/** Why a command was cut short. */
export const deadlinePassed = (): CniError =>
  new CniError(
    ErrorCode.tryAgainLater,
    `not finished within ${COMMAND_DEADLINE_MS / 1000} seconds`,
    'an ADD was undone; the log names the phase that hung; try again',
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
      grace = setTimeout(() => reject(signal.reason), SETTLE_GRACE_MS);
      work.then(
        () => reject(signal.reason),
        () => reject(signal.reason),
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
