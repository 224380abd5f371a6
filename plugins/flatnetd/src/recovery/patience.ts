/**
 * When the repairs of a network may go on. Another program that undoes the same repair again and again is not fought: from the third time
 * in a minute on there is a pause, and it doubles, up to five minutes, for as long as the repair is needed again within a minute after it.
 * Pure but for the clock that callers hand in.
 */
const WINDOW_MS = 60_000;
const ALLOWED = 3;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

/** One repair in its words. */
interface Past {
  /** When it was made, of the last minute. */
  readonly times: readonly number[];
  readonly pause: number;
  readonly until: number;
}

export class Patience {
  #past = new Map<string, Past>();

  /** @returns how long to wait before the next repair, in milliseconds; 0: now. */
  wait(now: number): number {
    return Math.max(0, ...[...this.#past.values()].map(({ until }) => until - now));
  }

  /**
   * Notes what one comparison made.
   *
   * @returns the pause that begins, in milliseconds; 0 for none.
   */
  note(repairs: readonly string[], now: number): number {
    const kept = [...this.#past].filter(([, { times, until }]) => now - Math.max(until, times.at(-1) ?? 0) < WINDOW_MS);
    this.#past = new Map(kept);
    // A repair that another program undid before the comparison ended is named twice: it counts twice, and has one pause.
    const counts = new Map<string, number>();
    for (const repair of repairs) counts.set(repair, (counts.get(repair) ?? 0) + 1);
    return Math.max(0, ...[...counts].map(([repair, count]) => this.#noteOne(repair, count, now)));
  }

  #noteOne(repair: string, count: number, now: number): number {
    const { times: before = [], pause: last = 0, until: end = 0 } = this.#past.get(repair) ?? {};
    const times = [...before.filter((time) => now - time < WINDOW_MS), ...Array<number>(count).fill(now)];
    const isFight = last > 0 || times.length >= ALLOWED;
    const pause = isFight ? Math.min(LONGEST_PAUSE_MS, last === 0 ? FIRST_PAUSE_MS : last * 2) : 0;
    this.#past.set(repair, { times, pause, until: isFight ? now + pause : end });
    return pause;
  }
}
