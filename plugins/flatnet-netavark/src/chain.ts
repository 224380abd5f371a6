/** Runs the chain as a runtime does: ADD in order, each plugin with the result of the one before; DEL in reverse, to the end. */
import {
  type Attach,
  type ChainConfig,
  CniError,
  ErrorCode,
  type PluginConfig,
  shown,
  stdinOf,
  variablesOf,
  type Verb,
} from '@flatnet/cni';
import type { CallPlugin } from './call-plugin.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface ChainContext {
  readonly call: CallPlugin;
  /** Where the main plugin finds its delegate. */
  readonly executables: string;
  /** What plugins of flatnet read beside CNI's variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absent where the work has to go on: DEL, and the undo of ADD. */
  readonly signal?: AbortSignal;
  /** As a time of performance.now(). */
  readonly end: number;
}

/** So long a plugin of DEL is waited for at least, whatever those before it took. */
const LEAST_MS = 1_000;

/** @throws CniError the failed plugin's own; the caller undoes with `delChain`. */
export async function addChain(context: ChainContext, chain: ChainConfig, attach: Attach): Promise<Json> {
  let result: Json | undefined;
  for (const plugin of chain.plugins) {
    context.signal?.throwIfAborted();
    const left = context.end - performance.now();
    result = resultOf(plugin, await execute(context, 'ADD', chain, plugin, attach, left, result));
  }
  context.signal?.throwIfAborted();
  return result ?? {};
}

/** Each plugin gets its share of the time that is left, so that one that hangs leaves the others theirs. @returns the failures. */
export async function delChain(
  context: ChainContext,
  chain: ChainConfig,
  attach: Attach,
  previous: Json | undefined,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  const plugins = [...chain.plugins].reverse();
  for (const [index, plugin] of plugins.entries()) {
    const share = (context.end - performance.now()) / (plugins.length - index);
    try {
      await execute(context, 'DEL', chain, plugin, attach, Math.max(LEAST_MS, share), previous);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

async function execute(
  { call, executables, env, signal, end }: ChainContext,
  verb: Verb,
  chain: ChainConfig,
  plugin: PluginConfig,
  attach: Attach,
  timeoutMs: number,
  previous: Json | undefined,
): Promise<string> {
  return call({
    ...{ type: plugin.type, verb, timeoutMs, end },
    stdin: stdinOf(chain, plugin, attach, previous),
    env: { ...env, CNI_COMMAND: verb, CNI_PATH: executables, ...variablesOf(attach) },
    ...(signal === undefined ? {} : { signal }),
  });
}

function resultOf({ type }: PluginConfig, stdout: string): Json {
  try {
    const json: unknown = JSON.parse(stdout);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json;
  } catch {
    // Falls through to the error.
  }
  throw new CniError(ErrorCode.decodingFailure, `plugin ${type} gave no result`, `it printed ${shown(stdout)}`);
}
