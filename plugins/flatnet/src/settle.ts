/**
 * Awaits all of `steps`, also when one fails, since undoing next to a running step would race with it; then throws what failed
 * first in time, which is the cause rather than a consequence.
 */
export async function allSettledOrFirst<const T extends readonly Promise<unknown>[]>(
  steps: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const failures: unknown[] = [];
  const results = await Promise.all(
    steps.map((step) => step.catch((error: unknown) => void failures.push(error ?? 'failed'))),
  );
  if (failures.length > 0) throw failures[0];
  return results as { -readonly [K in keyof T]: Awaited<T[K]> };
}
