import { CniError } from '@flatnet/cni';

/**
 * Runs every step in order, also after one has failed: for DEL and GC, which go on to the end.
 *
 * @returns the failures, in the order of the steps; empty when all steps succeeded.
 */
export async function runAll(steps: readonly (() => unknown)[]): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

/** Throws nothing, the one failure as it is, or one CniError of `code` that names them all. */
export function throwFailures(failures: readonly unknown[], code: number, message: string): void {
  if (failures.length === 0) return;
  if (failures.length === 1) throw failures[0];
  throw new CniError(code, message, failures.map(sentenceOf).join('; '));
}

/** A failure as a sentence for the details of another one. */
export const sentenceOf = (error: unknown): string =>
  error instanceof CniError
    ? [error.message, error.details].filter((part) => part !== '').join(': ')
    : error instanceof Error
      ? error.message
      : String(error);
