/**
 * Commands that change something end whole: with what they were asked for, or with nothing of it. A signal does not end them where they
 * are; it asks them to stop. Further ones change nothing: what cleans up is not cut short either.
 */
import { constants } from 'node:os';
import { Exit, OperatorError } from './failure.ts';
import type { World } from './world.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Thrown by work that stopped because it was asked to. */
export const stopped = (): OperatorError =>
  new OperatorError(Exit.problem, 'interrupted', 'nothing: what was made is removed');

/**
 * Runs `work`, whose signal is aborted by SIGINT, SIGTERM or SIGHUP. Programs that it runs must be in process groups of their own
 * (`execaRunApart`), because a terminal sends Ctrl-C to all of its group.
 *
 * @throws OperatorError with the exit code of a shell (128 and the number of the signal) when it was interrupted and failed.
 */
export async function withInterrupts<T>(
  world: Pick<World, 'err'>,
  work: (interrupted: AbortSignal) => Promise<T> | T,
): Promise<T> {
  const controller = new AbortController();
  let received: (typeof SIGNALS)[number] | undefined;
  const onSignal = (name: (typeof SIGNALS)[number]): void => {
    if (received !== undefined) return;
    received = name;
    world.err('interrupted: removing what was made\n');
    controller.abort();
  };
  const handlers = SIGNALS.map((name) => [name, () => onSignal(name)] as const);
  // Not `once`: a listener that is gone while the others run makes execa's own end this process.
  for (const [name, handler] of handlers) process.on(name, handler);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (received === undefined) throw error;
    throw new OperatorError((128 + constants.signals[received]) as typeof Exit.problem, '', '');
  } finally {
    for (const [name, handler] of handlers) process.off(name, handler);
  }
}
