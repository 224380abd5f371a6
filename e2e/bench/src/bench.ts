/** A table of the report; `rows` hold ready text. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a part of the benchmark found. */
export interface Section {
  readonly title: string;
  readonly about: string;
  readonly tables: readonly Table[];
  readonly notes?: readonly string[];
}

const begin = performance.now();

/** One line on stderr with the seconds since the start: the benchmark is never silent for long. */
export function progress(text: string): void {
  const seconds = Math.round((performance.now() - begin) / 1000);
  process.stderr.write(`[${String(seconds).padStart(3)} s] ${text}\n`);
}

export const secondsSinceStart = (): number => (performance.now() - begin) / 1000;

/**
 * Calls `once` for every subject in turn (A B A B …), `rounds` times or until `budgetMs` has passed, but two times at least. The
 * first round warms up and is not counted.
 */
export async function inTurn<T, R>(
  subjects: readonly T[],
  rounds: number,
  budgetMs: number,
  once: (subject: T, round: number) => Promise<R>,
): Promise<ReadonlyMap<T, R[]>> {
  const found = new Map<T, R[]>(subjects.map((subject) => [subject, []]));
  const end = performance.now() + budgetMs;
  for (let round = 0; round <= rounds && (round <= 2 || performance.now() < end); round++) {
    for (const subject of subjects) {
      const result = await once(subject, round);
      if (round > 0) found.get(subject)!.push(result);
    }
  }
  return found;
}

/** `12.3` ms and the like: three figures are as many as the measurement is worth. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
};

export const ratio = (value: number, of: number): string =>
  Number.isFinite(value / of) ? `${(value / of).toFixed(2)}×` : '–';
