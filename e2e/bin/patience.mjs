/**
 * Calls `over` once this process has been running for a time. A machine that stands still for seconds, as rented ones do, ends a plain
 * timer in the moment it goes on, before the answer that waits in the socket is read; here a standstill counts as one tick.
 *
 * @param milliseconds how long, in ticks of 50.
 * @returns what calls it off.
 */
export function patience(milliseconds, over) {
  const tick = 50;
  let left = milliseconds / tick;
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    over();
  }, tick);
  return () => clearInterval(timer);
}
