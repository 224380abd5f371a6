/** Until when the programs of this process may run, on the clock of performance.now(). */
let end = Number.POSITIVE_INFINITY;

/**
 * Ends every program of this process, those that are started later too, at the time `until` of performance.now() at the latest. One
 * limit for the whole process: a command has one deadline, whatever part of it hangs.
 */
export function limitPrograms(until: number): void {
  end = until;
}

/** `ms`, or what the limit leaves of it: whole milliseconds, at least 0. */
export const withinLimit = (ms: number): number => Math.max(0, Math.floor(Math.min(ms, end - performance.now())));
