/** One call of Podman's or netavark's, from its arguments and stdin to its answer. */
import type { Trace } from '@flatnet/skel';

/** Verbs of the driver interface of netavark, whose API version is 1.0.0 in all releases. */
export const VERBS = ['create', 'setup', 'teardown', 'info'] as const;
export type DriverVerb = (typeof VERBS)[number];
export const API_VERSION = '1.0.0';

export interface DriverCall {
  /** stdin. */
  readonly json: unknown;
  /** Path of the namespace; empty for create. */
  readonly netns: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly trace: Trace;
  /** Aborts at the deadline of the work, and in setup at SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
  /** When everything has to have ended, the undo included, as a time of performance.now(). */
  readonly end: number;
  /** A word for the user's terminal. */
  warn(text: string): void;
}

/** What the process answers. */
export interface DriverAnswer {
  /** Absent for teardown, whose stdout nobody reads. */
  readonly json?: unknown;
  /** Takes back what the answer tells of, because nobody read it. Answers what could not be taken back. */
  readonly undo?: () => Promise<readonly string[]>;
}

export type Handle = (call: DriverCall) => Promise<DriverAnswer>;
