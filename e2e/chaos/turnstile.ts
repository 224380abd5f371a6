/** Lets any number of operations pass at a time, or one that wants to be alone: GC, as the specification demands of a runtime. */
export interface Turnstile {
  shared<T>(work: () => Promise<T>): Promise<T>;
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function turnstile(): Turnstile {
  let running: Promise<unknown>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const settled = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);
  return {
    async shared(work) {
      await last;
      const promise = work();
      const entry = settled(promise);
      running.push(entry);
      void entry.then(() => (running = running.filter((other) => other !== entry)));
      return promise;
    },
    alone(work) {
      const before = last;
      const promise = (async () => {
        await before;
        await Promise.all(running);
        return work();
      })();
      last = settled(promise);
      return promise;
    },
  };
}
