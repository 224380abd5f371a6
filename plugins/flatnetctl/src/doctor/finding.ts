import type { Places } from '../places.ts';
import type { World } from '../world.ts';

/** What one check found. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly reason: string;
  /** The command or change that mends it. */
  readonly repair?: string;
  /** The repair where it is known to do no harm: what `--fix` runs. A line of flatnetctl's, or a system tool's. */
  readonly fix?: readonly string[];
}

export type Check = (world: World, places: Places) => Promise<readonly Finding[]> | readonly Finding[];

export const ok = (check: string, reason: string): Finding => ({ check, state: 'ok', reason });

export const warning = (check: string, reason: string, repair: string): Finding => ({
  ...{ check, state: 'warning', reason, repair },
});

export const failed = (check: string, reason: string, repair: string): Finding => ({
  ...{ check, state: 'failed', reason, repair },
});

/** A finding whose repair `--fix` may run. */
export const fixable = (finding: Omit<Finding, 'repair' | 'fix'>, fix: readonly string[]): Finding => ({
  ...finding,
  repair: fix.join(' '),
  fix,
});
