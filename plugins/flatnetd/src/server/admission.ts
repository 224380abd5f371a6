import { HttpError } from './http-error.ts';

/** How many calls are at work at once, and how many wait. What comes beyond is refused at once, and is to come again. */
export class Admission {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly most = 64,
    private readonly queue = 1_024,
  ) {}

  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does `work` when there is room. @throws HttpError 503. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.most) {
      if (this.#waiting.length >= this.queue)
        throw new HttpError(503, 'flatnetd is busy', 'try again in a second', { 'retry-after': '1' });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      // The place goes to the next one without being free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
