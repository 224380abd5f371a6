/** One plugin of the chain, called in this process or as a program. */
import { CniError, ErrorCode, shown, type Verb } from '@flatnet/cni';
import { type Run, TOOL_ENVIRONMENT } from '@flatnet/exec';
import { limitPrograms } from '@flatnet/exec/time-limit';
import { failureOf } from '@flatnet/invoke';
import { dispatch, type PluginEntry, Trace } from '@flatnet/skel';
import { appendLog, writeToStderr } from '@flatnet/skel/process';
import { limitsOf, PLUGIN_UNDO_MS } from './limits.ts';

export interface PluginCall {
  readonly type: string;
  readonly verb: Verb;
  /** CNI's variables, and what plugins of flatnet read beside them. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: string;
  readonly timeoutMs: number;
  /** When everything has to have ended, as a time of performance.now(). */
  readonly end: number;
  readonly signal?: AbortSignal;
}

/** @returns stdout. @throws CniError the plugin's own, or that it did not end in time. */
export type CallPlugin = (call: PluginCall) => Promise<string>;

/** The plugins that are linked into this process, by type; each is loaded when it is called. */
export type LinkedPlugins = Readonly<Record<string, () => Promise<PluginEntry>>>;

/** @param folder where the executables are. */
export const callProgram =
  (run: Run, folder: () => string): CallPlugin =>
  async ({ type, verb, env, stdin, timeoutMs, signal }) => {
    const result = await run(`${folder()}/${type}`, [], {
      input: stdin,
      env: { ...TOOL_ENVIRONMENT, ...env },
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    if (result.ending === 'exit' && result.exitCode === 0) return result.stdout;
    signal?.throwIfAborted();
    throw failureOf(verb, type, result, timeoutMs);
  };

/**
 * The same without the start of a process for each: that takes longer than the plugins' work. Its IPAM plugin is still executed by the main
 * plugin. Each plugin has its own line in the log.
 */
export const callLinked =
  (plugins: LinkedPlugins): CallPlugin =>
  async ({ type, verb, env, stdin, timeoutMs, end, signal }) => {
    const load = plugins[type];
    if (load === undefined)
      throw new CniError(ErrorCode.invalidConfig, `plugin ${shown(type)} is not in this image`, '');
    const trace = new Trace(type);
    const abort = new AbortController();
    const forward = (): void => abort.abort(signal?.reason);
    signal?.addEventListener('abort', forward, { once: true });
    const begin = performance.now();
    const work = Math.min(begin + timeoutMs, end);
    try {
      const invocation = { env, stdin: Buffer.from(stdin), stderr: (text: string) => void writeToStderr(text) };
      const limits = {
        begin,
        work,
        end: verb === 'ADD' ? Math.min(end, limitsOf('setup').work + PLUGIN_UNDO_MS) : work,
      };
      const { exitCode, stdout } = await dispatch(await load(), invocation, trace, { abort, limits });
      appendLog(trace.logFile, trace.toLine(new Date()));
      if (exitCode === 0) return stdout;
      signal?.throwIfAborted();
      throw failureOf(verb, type, { exitCode, stdout, stderr: '', ending: 'exit' }, timeoutMs);
    } finally {
      signal?.removeEventListener('abort', forward);
      // dispatch has lifted the limit of the whole call.
      limitPrograms(end);
    }
  };
