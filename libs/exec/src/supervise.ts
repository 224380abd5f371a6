import type { ChildProcess } from 'node:child_process';
import { DEFAULT_TIMEOUT_MS } from './environment.ts';
import { isAtWork } from './is-at-work.ts';
import type { RunOptions, RunResult } from './run.ts';
import { withinLimit } from './time-limit.ts';

/** A program that is at work at its deadline gets this long in all. */
const MAX_BUSY_MS = 30_000;
const LOOK_AGAIN_MS = 250;

/** A program that runs. `kill` ends it early and says why, which `ended` then tells. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<RunResult>;
  kill(why: RunResult['ending']): void;
}

/** Awaits the end of a program, which the deadline or an abort may bring about. */
export async function supervise(
  { child, ended, kill }: Started,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Pick<RunOptions, 'timeoutMs' | 'signal'>,
): Promise<RunResult> {
  const onAbort = (): void => kill('aborted');
  const latest = performance.now() + withinLimit(Math.max(timeoutMs, MAX_BUSY_MS));
  const onDeadline = (): void => {
    if (performance.now() >= latest || !isAtWork(child.pid)) kill('timeout');
    else deadline = setTimeout(onDeadline, LOOK_AGAIN_MS);
  };
  let deadline = setTimeout(onDeadline, withinLimit(timeoutMs));
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  try {
    return await ended;
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Promise.withResolvers of newer Node versions. */
export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
