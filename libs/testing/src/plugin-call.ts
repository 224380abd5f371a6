import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@flatnet/exec';
import type { Sandbox } from './sandbox.ts';

/** Where `nx run multicall:compile` puts the executables. */
export const BIN = join(import.meta.dirname, '../../../dist/bin');
/** Debian's package containernetworking-plugins. */
export const REFERENCE_BIN = '/usr/lib/cni';

/** A JSON object on its way to or from a plugin. */
export type Json = Record<string, unknown>;

export interface PluginCall {
  /** File name in CNI_PATH's folders, or an absolute path. */
  readonly plugin: string;
  readonly verb: string;
  readonly config: Json | string;
  readonly containerId?: string;
  readonly ifName?: string;
  readonly netns?: string;
  /** CNI_ARGS. */
  readonly args?: string;
  /** Folders of CNI_PATH. Default: our executables, then Debian's. */
  readonly path?: readonly string[];
  /** Further variables; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A program with arguments that runs the plugin: strace, timeout. */
  readonly under?: readonly string[];
}

export interface PluginAnswer extends RunResult {
  /** stdout as JSON; undefined when it is empty or not one JSON document. */
  readonly json: Json | undefined;
}

export const DEFAULT_PATH: readonly string[] = [BIN, REFERENCE_BIN];

/** Runs its arguments with a pipe as stdin, which a program that Node starts has not: it has a socket. The exit code is theirs. */
const BY_PIPE = ['-c', 'cat | "$@"', 'sh'];

/** Executes a plugin inside the sandbox as a runtime would. Never rejects for an error of the plugin. */
export async function callPlugin(sandbox: Sandbox, call: PluginCall): Promise<PluginAnswer> {
  const path = call.path ?? DEFAULT_PATH;
  const file = call.plugin.startsWith('/') ? call.plugin : findIn(path, call.plugin);
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    CNI_COMMAND: call.verb,
    CNI_CONTAINERID: call.containerId,
    CNI_IFNAME: call.ifName,
    CNI_NETNS: call.netns,
    CNI_ARGS: call.args,
    CNI_PATH: path.join(':'),
    ...call.env,
  };
  const input = typeof call.config === 'string' ? call.config : JSON.stringify(call.config);
  const result = await sandbox.run('/bin/sh', [...BY_PIPE, ...(call.under ?? []), file], {
    input,
    env,
    timeoutMs: 60_000,
  });
  return { ...result, json: parseOrUndefined(result.stdout) };
}

/** Executables lie on the machine's disk, so the sandbox sees the same ones. */
function findIn(path: readonly string[], plugin: string): string {
  const file = path.map((folder) => join(folder, plugin)).find(isExecutable);
  if (file !== undefined) return file;
  throw new Error(`no ${plugin} in ${path.join(':')}: is the workspace built (npm run build)?`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function parseOrUndefined(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
