import { statSync } from 'node:fs';
import type { Verb } from '@flatnet/cni';
import { spawnSuspended, type RunResult, type SuspendedChild } from '@flatnet/exec';
import type { EarlyStart, Invocation } from '@flatnet/skel';
import { findPlugin } from './find-plugin.ts';

/**
 * A delegated plugin that was started before it is called. It does nothing until it has read its whole configuration from stdin, and stdin
 * is held back until the call: its start-up passes while the main plugin loads its own modules, or deletes the link in DEL. A
 * main plugin that dies, or refuses, never calls; the delegate is then killed, or finds an empty stdin, and has done nothing.
 */
export class EarlyDelegate implements EarlyStart {
  #child: SuspendedChild | undefined;

  constructor(
    readonly type: string,
    readonly verb: Verb,
    child: SuspendedChild,
  ) {
    this.#child = child;
  }

  /** Calls it, if it is the one that is wanted and was not called before; undefined otherwise. */
  call(type: string, verb: Verb, options: Parameters<SuspendedChild['resume']>[0]): Promise<RunResult> | undefined {
    if (type !== this.type || verb !== this.verb) return undefined;
    const child = this.#child;
    this.#child = undefined;
    return child?.resume(options);
  }

  kill(): void {
    this.#child?.kill();
    this.#child = undefined;
  }
}

/**
 * For the runtime in our own image only, since one that does not know the variable refuses to start. A JavaScriptCore whose heap reaches
 * 1 MiB starts a thread that prepares more of it; a plugin ends before that is of use.
 */
const FOR_OUR_RUNTIME = { BUN_JSC_useWarmUpMarkedBlocks: '0' };

/**
 * The environment of the delegated plugin at `path`. FLATNET_PPID lets flatnet-ipam see that we died before it began; others ignore it.
 */
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

/**
 * Starts plugin `type` of CNI_PATH for `verb`, if `mayStart` its file: only our own image is known to do nothing before it has read stdin, and
 * the configuration that names it was not validated yet.
 *
 * @returns undefined if it is not started; the call reports what is wrong.
 */
export function startDelegate(
  type: string,
  verb: Verb,
  invocation: Invocation,
  cniPath: readonly string[],
  mayStart: (path: string) => boolean = isOurImage,
): EarlyDelegate | undefined {
  try {
    const path = findPlugin(type, cniPath);
    if (!mayStart(path)) return undefined;
    const { stdin: input, reusableStdin } = invocation;
    const env = delegateEnv(path, invocation, verb);
    const child = spawnSuspended(path, { input, env, ...(reusableStdin === undefined ? {} : { reusableStdin }) });
    return child === undefined ? undefined : new EarlyDelegate(type, verb, child);
  } catch {
    return undefined;
  }
}
