import { statSync } from 'node:fs';
import type { Verb } from '@flatnet/cni';
import { startHeld, type HeldProgram, type RunResult } from '@flatnet/exec';
import type { Invocation, Prepared } from '@flatnet/skel';
import { findPlugin } from './find-plugin.ts';

/**
 * A delegated plugin that was started before it is asked. It does nothing until it has read its whole configuration from stdin, and stdin
 * is held back until the question: its start-up passes while the main plugin loads its own modules, or deletes the link in DEL. A
 * main plugin that dies, or refuses, never asks; the delegate is then killed, or finds an empty stdin, and has done nothing.
 */
export class Standby implements Prepared {
  #held: HeldProgram | undefined;

  constructor(
    readonly type: string,
    readonly verb: Verb,
    held: HeldProgram,
  ) {
    this.#held = held;
  }

  /** Asks it, if it is the one that is wanted and was not asked before; undefined otherwise. */
  ask(type: string, verb: Verb, options: Parameters<HeldProgram['conclude']>[0]): Promise<RunResult> | undefined {
    if (type !== this.type || verb !== this.verb) return undefined;
    const held = this.#held;
    this.#held = undefined;
    return held?.conclude(options);
  }

  drop(): void {
    this.#held?.drop();
    this.#held = undefined;
  }
}

/**
 * For the runtime in our own image only, since one that does not know the variable refuses to start. A JavaScriptCore whose heap reaches
 * 1 MiB starts a thread that prepares more of it; a plugin ends before that is of use.
 */
const FOR_OUR_RUNTIME = { BUN_JSC_useWarmUpMarkedBlocks: '0' };

/** The environment of the delegated plugin at `path`. FLATNET_PPID lets flatnet-ipam see that we died before it began; others ignore it. */
export const delegateEnv = (path: string, invocation: Invocation, verb: Verb): Record<string, string | undefined> => ({
  ...invocation.env,
  CNI_COMMAND: verb,
  FLATNET_PPID: String(process.pid),
  ...(isOurImage(path) ? FOR_OUR_RUNTIME : {}),
});

/** Whether `path` is another name of the file that this process was made of; no when it cannot be told. */
function isOurImage(path: string): boolean {
  try {
    const [own, other] = [statSync('/proc/self/exe'), statSync(path)];
    return own.ino === other.ino && own.dev === other.dev;
  } catch {
    return false;
  }
}

/** Starts plugin `type` of CNI_PATH for `verb`. Undefined if there is none: who then asks for it gets to know why. */
export function standBy(
  type: string,
  verb: Verb,
  invocation: Invocation,
  cniPath: readonly string[],
): Standby | undefined {
  try {
    const path = findPlugin(type, cniPath);
    const { stdin: input, drainedStdin } = invocation;
    const options = {
      input,
      env: delegateEnv(path, invocation, verb),
      ...(drainedStdin === undefined ? {} : { drainedStdin }),
    };
    const held = startHeld(path, options);
    return new Standby(type, verb, held);
  } catch {
    return undefined;
  }
}
