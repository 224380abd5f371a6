/**
 * What libcni does with a list (spec, "Section 3: Execution of Network Configurations"):
 *   ADD    in order; each plugin gets the result of the one before as prevResult
 *   DEL    in reverse; every plugin gets the cached result of ADD (from configuration version 0.4.0 on)
 *   CHECK  in order, with the cached result; not before 0.4.0, not with disableCheck
 *   GC     in order, every plugin even if one fails, with the attachments that are still valid
 */
import { type Attach, isAtLeast, type PluginConfig, shown, stdinOf, variablesOf, type Verb } from '@flatnet/cni';
import type { RunResult } from '@flatnet/exec';
import type { Network } from '../conflist/model.ts';
import { problem } from '../failure.ts';
import { stopped } from '../interrupt.ts';
import { asNewest } from './as-newest.ts';
import type { ChainContext } from './context.ts';
import { findExecutable } from './find-executable.ts';

type Json = Readonly<Record<string, unknown>>;

/** A plugin may wait for its own delegate (20 s) and for tools. */
const PLUGIN_TIMEOUT_MS = 60_000;

/** ADD of every plugin. @throws OperatorError with the failed plugin's own words; the caller undoes with `delChain`. */
export async function addChain(context: ChainContext, network: Network, attach: Attach): Promise<Json> {
  let result: Json | undefined;
  for (const plugin of network.plugins) {
    if (context.interrupted?.aborted === true) throw stopped();
    result = await execute(context, 'ADD', network, plugin, attach, result);
  }
  if (context.interrupted?.aborted === true) throw stopped();
  return result ?? {};
}

/** DEL of every plugin, to the end even when one fails. @throws OperatorError the failures together. */
export async function delChain(
  context: ChainContext,
  network: Network,
  attach: Attach,
  cachedResult: Json | undefined,
): Promise<void> {
  const previous = isAtLeast(network.cniVersion, '0.4.0') ? cachedResult : undefined;
  await toTheEnd([...network.plugins].reverse(), (plugin) =>
    execute(context, 'DEL', network, plugin, attach, previous),
  );
}

/** CHECK of every plugin. @throws OperatorError */
export async function checkChain(
  context: ChainContext,
  network: Network,
  attach: Attach,
  cachedResult: Json,
): Promise<void> {
  if (!isAtLeast(network.cniVersion, '0.4.0')) {
    throw problem(
      `network ${network.name} is of version ${network.cniVersion}, which has no CHECK`,
      'set cniVersion 1.0.0',
    );
  }
  if (network.disableCheck) return;
  for (const plugin of network.plugins) await execute(context, 'CHECK', network, plugin, attach, cachedResult);
}

/** GC of every plugin: what belongs to none of `valid` is freed. @throws OperatorError the failures together. */
export async function gcChain(
  context: ChainContext,
  network: Network,
  valid: readonly { readonly containerID: string; readonly ifname: string }[],
): Promise<void> {
  // Both spellings: the key was renamed while 1.1.0 was a draft, and plugins of both times exist.
  const extra = { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid };
  await toTheEnd(network.plugins, (plugin) => execute(context, 'GC', network, { ...plugin, ...extra }));
}

/** STATUS of every plugin, as one text per plugin that is not ready; it also validates the configuration. */
export async function statusChain(
  context: ChainContext,
  network: Network,
): Promise<readonly { readonly type: string; readonly code: number; readonly text: string }[]> {
  const failures = [];
  const newest = await asNewest(context, network);
  for (const plugin of newest.plugins) {
    const stdin = stdinOf(newest, plugin);
    const result = await spawn(context, 'STATUS', plugin, stdin);
    if (result.exitCode === 0) continue;
    failures.push({ type: plugin.type, code: errorOf(result)?.code ?? 0, text: wordsOf(result) });
  }
  return failures;
}

async function toTheEnd<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const failures: Error[] = [];
  for (const item of items) {
    await work(item).catch((error: unknown) =>
      failures.push(error instanceof Error ? error : new Error(String(error))),
    );
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw problem(failures.map(({ message }) => message).join('; '), 'flatnetctl logs --errors');
}

async function execute(
  context: ChainContext,
  verb: Verb,
  network: Network,
  plugin: PluginConfig,
  attach?: Attach,
  previous?: Json,
): Promise<Json> {
  const stdin = stdinOf(network, plugin, attach, previous);
  const result = await spawn(context, verb, plugin, stdin, attach);
  if (result.ending === 'exit' && result.exitCode === 0) return verb === 'ADD' ? resultOf(plugin, result) : {};
  throw problem(`plugin ${plugin.type} failed in ${verb}: ${wordsOf(result)}`, 'flatnetctl logs --errors');
}

async function spawn(
  { run, cniPath, env }: ChainContext,
  verb: Verb,
  plugin: PluginConfig,
  stdin: string,
  attach?: Attach,
): Promise<RunResult> {
  return run(findExecutable(plugin.type, cniPath), [], {
    input: stdin,
    timeoutMs: PLUGIN_TIMEOUT_MS,
    env: {
      ...env,
      CNI_COMMAND: verb,
      CNI_PATH: cniPath.join(':'),
      ...(attach === undefined ? {} : variablesOf(attach)),
    },
  });
}

function resultOf(plugin: PluginConfig, { stdout }: RunResult): Json {
  try {
    const json: unknown = JSON.parse(stdout);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json;
  } catch {
    // Falls through to the error.
  }
  throw problem(`plugin ${plugin.type} printed no result: ${shown(stdout)}`, 'flatnetctl logs --errors');
}

function errorOf({ stdout }: RunResult): { code: number; msg: string; details: string } | undefined {
  try {
    const json: unknown = JSON.parse(stdout);
    const fields = new Map<string, unknown>(Object.entries(json as object));
    const msg = fields.get('msg');
    if (typeof msg !== 'string') return undefined;
    return { code: Number(fields.get('code') ?? 0), msg, details: String(fields.get('details') ?? '') };
  } catch {
    return undefined;
  }
}

/** What a failed plugin said, for people. */
function wordsOf(result: RunResult): string {
  if (result.ending === 'timeout') return `no answer within ${PLUGIN_TIMEOUT_MS / 1000} seconds; it was killed`;
  const error = errorOf(result);
  if (error !== undefined) return error.details === '' ? error.msg : `${error.msg}: ${error.details}`;
  return (result.stderr.trim() || result.stdout.trim() || `exit code ${result.exitCode}`).slice(0, 400);
}
