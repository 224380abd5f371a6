/**
 * Everything on the host waits behind netavark's lock while a call runs: `podman ps`, and each other container's start. All ends within 15 s
 * of the process's begin, which is 0 on the clock of performance.now().
 */
import type { DriverVerb } from './call.ts';

const END_MS = 14_500;
/** A setup keeps a reserve for its undo. */
const SETUP_WORK_MS = 8_500;
/** One plugin that undoes its ADD leaves time for the DEL of the whole chain. */
export const PLUGIN_UNDO_MS = 2_000;
/** netavark's lock keeps calls apart. Only one that outlived a killed Podman is waited for. */
export const LOCK_WAIT_MS = 4_000;
/** Dead containers of any number must not use up the time of a living one. */
export const SWEEP_MS = 3_000;

export const limitsOf = (verb: DriverVerb): { readonly work: number; readonly end: number } => ({
  work: verb === 'setup' ? SETUP_WORK_MS : END_MS,
  end: END_MS,
});
