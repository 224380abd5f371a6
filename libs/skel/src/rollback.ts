/** One undo: what it takes back (for the error text), and how. It must be idempotent and delete by our name or tag only. */
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

  /** Runs every armed undo, newest first, and answers the failures as sentences; never throws. */
  async run(): Promise<string[]> {
    const failures: string[] = [];
    for (let entry = this.#undos.pop(); entry !== undefined; entry = this.#undos.pop()) {
      try {
        await entry.undo();
      } catch (error) {
        failures.push(`could not undo "${entry.what}": ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return failures;
  }
}
