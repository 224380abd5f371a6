/** A timer this late means that the machine stood still: a virtual machine whose host gave its processors to others. */
const LATE_MS = 10;
const TICK_MS = 2;

let watchers = 0;
let timer: NodeJS.Timeout | undefined;
let last = 0;
let paused = -Infinity;

/**
 * Watches for pauses of the whole machine until the answered function is called; that tells whether there was one. The event loop
 * must have nothing else to do meanwhile that takes as long as `LATE_MS`.
 */
export function watchPauses(): () => boolean {
  const begin = performance.now();
  if (watchers++ === 0) {
    last = begin;
    timer = setInterval(tick, TICK_MS);
  }
  return () => {
    tick();
    if (--watchers === 0) clearInterval(timer);
    return paused >= begin;
  };
}

function tick(): void {
  const now = performance.now();
  if (now - last > LATE_MS) paused = now;
  last = now;
}
