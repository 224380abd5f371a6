/** One undo: what it takes back (for the error text), and how. It must be idempotent, and delete only what its own ADD made. */
interface Undo {
  readonly what: string;
  readonly undo: () => Promise<void>;
}

/**
 * The undo stack of one ADD. Invariant: an undo is armed before its step is begun, so a failure in the middle of a step is
 * covered too. The skeleton runs the stack, last in first out, when ADD throws; all undos run.
 */
export class Rollback {
  readonly #undos: Undo[] = [];

  /** Arms an undo. Refusals ("exists already") come before the first `arm`, else they would undo a living container. */
  arm(what: string, undo: () => Promise<void>): void {
    this.#undos.push({ what, undo });
  }

  /**
   * Runs every armed undo, newest first; never throws. An undo that has not finished at the time `until` (performance.now()) is waited for
   * no longer, and the ones below it are still begun.
   *
   * @returns the failures as sentences.
   */
  async run(until = Number.POSITIVE_INFINITY): Promise<string[]> {
    const failures: string[] = [];
    for (let entry = this.#undos.pop(); entry !== undefined; entry = this.#undos.pop()) {
      try {
        await endedBy(until, entry.undo());
      } catch (error) {
        failures.push(`could not undo "${entry.what}": ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return failures;
  }
}

async function endedBy(until: number, work: Promise<void>): Promise<void> {
  if (until === Number.POSITIVE_INFINITY) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const ms = Math.max(0, until - performance.now());
    timer = setTimeout(() => reject(new Error('it did not finish in time')), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
