/** `POST /cni`: one call of one plugin, as a runtime makes it, in the form that Multus' thick plugin uses. */
import { findPlugin } from '@flatnet/invoke';
// By its own path: esbuild leaves out the start of a module that another loads lazily, when it is imported through an index without effects.
import { CniError } from '@flatnet/cni/error';
import { TOOL_ENVIRONMENT, type Run, type RunResult } from '@flatnet/exec';
import * as z from 'zod/mini';
import type { Admission } from '../admission.ts';
import { readJson } from '../body.ts';
import { decodeBody } from '../decode.ts';
import { HttpError } from '../http-error.ts';
import { type Answer, failure, NO_CONTENT } from '../respond.ts';
import type { Handler } from '../router.ts';

export const cniBody = z.object({
  /** Variables of the protocol (spec, "Parameters"). CNI_PATH is the server's: a client does not choose what runs as root. */
  env: z.record(z.string(), z.string()),
  /** The plugin's configuration: an object, or its JSON in base64. */
  config: z.union([z.record(z.string(), z.unknown()), z.string()]),
});

export interface CniDeps {
  readonly run: Run;
  readonly cniPath: readonly string[];
  readonly admission: Admission;
}

type Config = Readonly<Record<string, unknown>>;

/** The plugins have a deadline of their own; this is for one that does not keep it. */
const TIMEOUT_MS = 60_000;
const GENERIC = 999;
const VARIABLES = ['CNI_COMMAND', 'CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_ARGS', 'CNI_NETNS_OVERRIDE'];

export const cniHandler =
  (deps: CniDeps): Handler =>
  async ({ request, gone }) => {
    const { env, config } = decodeBody(cniBody, await readJson(request));
    const plugin = typeof config === 'string' ? fromBase64(config) : config;
    return deps.admission.run(() => callPlugin(deps, env, plugin, gone));
  };

async function callPlugin(
  deps: CniDeps,
  env: Record<string, string>,
  config: Config,
  gone: AbortSignal,
): Promise<Answer> {
  // It went while it waited.
  if (gone.aborted) return NO_CONTENT;
  let path: string;
  try {
    path = findPlugin(String(config['type'] ?? ''), deps.cniPath);
  } catch (error) {
    if (error instanceof CniError) return failure(422, error.code, error.message, error.details);
    throw error;
  }
  const variables = {
    ...TOOL_ENVIRONMENT,
    ...Object.fromEntries(VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    CNI_PATH: deps.cniPath.join(':'),
  };
  const result = await deps.run(path, [], { input: JSON.stringify(config), env: variables, timeoutMs: TIMEOUT_MS });
  if (gone.aborted && env['CNI_COMMAND'] === 'ADD' && isSuccess(result))
    await undo(deps, path, variables, config, result);
  return answerOf(result);
}

const isSuccess = ({ ending, exitCode }: RunResult): boolean => ending === 'exit' && exitCode === 0;

/** The client never learned of its ADD, so it would never send DEL. */
async function undo(
  { run }: CniDeps,
  path: string,
  variables: Record<string, string>,
  config: Config,
  { stdout }: RunResult,
): Promise<void> {
  const input = JSON.stringify({ ...config, prevResult: parsed(stdout) });
  await run(path, [], { input, env: { ...variables, CNI_COMMAND: 'DEL' }, timeoutMs: TIMEOUT_MS });
}

function answerOf(result: RunResult): Answer {
  const { stdout, stderr, ending } = result;
  if (isSuccess(result))
    return stdout.trim() === '' ? NO_CONTENT : { status: 200, body: stdout, type: 'application/json' };
  if (ending === 'timeout')
    return failure(504, GENERIC, 'the plugin did not answer in time', 'it was killed: look at its log');
  const error = parsed(stdout);
  if (typeof error === 'object' && error !== null && 'code' in error)
    return { status: 422, body: stdout, type: 'application/json' };
  return failure(422, GENERIC, 'the plugin failed without a CNI error', (stderr || stdout).trim().slice(0, 400));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** @throws HttpError 400. */
function fromBase64(text: string): Config {
  const value = parsed(Buffer.from(text, 'base64').toString('utf8'));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Config;
  throw new HttpError(400, 'config is not base64 of a JSON object', 'send an object, or its JSON in base64');
}
