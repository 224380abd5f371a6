import { readFileSync } from 'node:fs';

/** Numbers of signal(7), the same on every architecture that flatnet is built for. */
const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGCHLD: 17 } as const;
export type Signal = keyof typeof NUMBERS;

/** Which signals the caller made this process ignore (proc_pid_status(5), SigIgn); none when it cannot be told. */
export function ignoredSignals(status = '/proc/self/status'): ReadonlySet<Signal> {
  try {
    const mask = /^SigIgn:\s*[0-9a-f]*?([0-9a-f]{1,6})$/m.exec(readFileSync(status, 'latin1'))?.[1] ?? '0';
    const bits = Number.parseInt(mask, 16);
    const names = Object.keys(NUMBERS) as Signal[];
    return new Set(names.filter((name) => (bits >> (NUMBERS[name] - 1)) & 1));
  } catch {
    return new Set();
  }
}

/**
 * Gives signals that the caller ignores their default meaning again, which exec(2) does not. With SIGCHLD ignored the kernel reaps
 * our programs before we can read their exit codes; SIGTERM and SIGINT must be able to end us. SIGHUP stays ignored: that is what nohup(1)
 * is for.
 */
export function restoreSignals(ignored: ReadonlySet<Signal>): void {
  for (const signal of ignored) {
    if (signal === 'SIGHUP') continue;
    const handler = (): void => {};
    process.on(signal, handler);
    process.removeListener(signal, handler);
  }
}

/** Calls `handle` for each signal that asks the process to end, instead of ending it. */
export function catchSignals(ignored: ReadonlySet<Signal>, handle: (signal: Signal) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    if (signal !== 'SIGHUP' || !ignored.has('SIGHUP')) process.on(signal, () => handle(signal));
  }
}
