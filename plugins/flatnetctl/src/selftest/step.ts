import { OperatorError } from '../failure.ts';

/** What one step of a test saw. `next` is there when it failed. */
export interface Step {
  readonly state: 'ok' | 'failed' | 'skipped';
  readonly reason: string;
  readonly next?: string;
}

/** A step that ended with an error. */
export const refusal = (error: unknown): Step & { readonly next: string } => ({
  state: 'failed',
  reason: error instanceof Error ? error.message : String(error),
  next: error instanceof OperatorError ? error.next : 'flatnetctl doctor',
});
