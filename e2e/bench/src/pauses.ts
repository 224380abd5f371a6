/** A timer this late means that the machine stood still: a virtual machine whose host gave its processors to others. */
const LATE_MS = 10;
const TICK_MS = 2;

let watchers = 0;
let timer: NodeJS.Timeout | undefined;
let last = 0;
let lost = 0;

/**
 * Watches for pauses of the whole machine until the answered function is called; that tells how many milliseconds they took together.
 * The event loop must have nothing else to do meanwhile that takes as long as `LATE_MS`.
 */
export function watchPauses(): () => number {
  if (watchers++ === 0) {
    last = performance.now();
    timer = setInterval(tick, TICK_MS);
  }
  tick();
  const before = lost;
  return () => {
    tick();
    if (--watchers === 0) clearInterval(timer);
    return lost - before;
  };
}

function tick(): void {
  const now = performance.now();
  if (now - last > LATE_MS) lost += now - last - TICK_MS;
  last = now;
}
