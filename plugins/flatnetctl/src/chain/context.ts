import type { Run } from '@flatnet/exec';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';

/** What plugins are executed with. */
export interface ChainContext {
  readonly run: Run;
  readonly cniPath: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts the command: no further plugin is asked to ADD, and what was made is taken back. */
  readonly interrupted?: AbortSignal;
}

export const contextOf = (
  { run, env }: Pick<World, 'run' | 'env'>,
  { cniPath }: Pick<Places, 'cniPath'>,
  interrupted?: AbortSignal,
): ChainContext => ({ run, env, cniPath, ...(interrupted === undefined ? {} : { interrupted }) });
