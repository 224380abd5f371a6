import { CniError, ErrorCode, parseResult, shown, type IpamResult, type Verb } from '@flatnet/cni';
import { runConcurrently, type Run, type RunResult } from '@flatnet/exec';
import type { BaseRequest } from '@flatnet/skel';
import { findPlugin } from './find-plugin.ts';
import { delegateEnv, EarlyDelegate } from './early-delegate.ts';

/** A delegated plugin that hangs must not hold the whole command until its deadline. */
const DELEGATE_TIMEOUT_MS = 20_000;
/** So much of its stderr is passed on. */
const MAX_STDERR = 16_384;

export interface DelegateOptions {
  /** Absent: the delegate is not cut short by the request's abort, which is right for undoing. */
  readonly signal?: AbortSignal;
  readonly run?: Run;
}

/**
 * Executes the delegated plugin `type` for ADD with the untouched environment and stdin (spec, "Delegated plugins") and answers its
 * result without interfaces.
 *
 * @throws CniError the delegate's own error, or code 5, 6 or 11 when it crashed, answered nonsense or hung.
 */
export async function delegateAdd(
  type: string,
  request: BaseRequest<unknown>,
  options: DelegateOptions = {},
): Promise<IpamResult> {
  const stdout = await execute('ADD', type, request, options);
  try {
    const { ips, routes, dns } = await parseResult(JSON.parse(stdout), request.cniVersion, `result of ${type}`);
    return { ips, routes, dns };
  } catch (error) {
    const why = error instanceof CniError ? `${error.message}: ${error.details}` : `${shown(stdout)} is not JSON`;
    throw new CniError(ErrorCode.decodingFailure, `plugin ${shown(type)} gave no valid result`, why, { cause: error });
  }
}

/** Executes the delegated plugin for a verb without a result. @throws as `delegateAdd`. */
export async function delegateVerb(
  verb: Exclude<Verb, 'ADD' | 'VERSION'>,
  type: string,
  request: BaseRequest<unknown>,
  options: DelegateOptions = {},
): Promise<void> {
  await execute(verb, type, request, options);
}

async function execute(
  verb: Verb,
  type: string,
  request: BaseRequest<unknown>,
  options: DelegateOptions,
): Promise<string> {
  const { run = runConcurrently, signal } = options;
  const { invocation, cniPath, early } = request;
  const limits = { timeoutMs: DELEGATE_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) };
  const start = (): Promise<RunResult> => {
    const path = findPlugin(type, cniPath);
    return run(path, [], { ...limits, input: invocation.stdin, env: delegateEnv(path, invocation, verb) });
  };
  const started = early instanceof EarlyDelegate ? early.call(type, verb, limits) : undefined;
  const result = await (started ?? start());
  const words = wordsBesideAnswer(result);
  if (words !== '') invocation.stderr?.(words);
  if (result.ending === 'exit' && result.exitCode === 0) return result.stdout;
  throw failureOf(verb, type, result, DELEGATE_TIMEOUT_MS);
}

/** What it wrote to stderr, without the repetition of its error object there. */
function wordsBesideAnswer({ stdout, stderr }: RunResult): string {
  const answer = stdout.trim();
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && line.trim() !== answer);
  return lines
    .map((line) => `${line}\n`)
    .join('')
    .slice(0, MAX_STDERR);
}

/** Why an executed plugin failed: its own error, or what became of it. */
export function failureOf(verb: Verb, type: string, result: RunResult, timeoutMs: number): CniError {
  const subject = `plugin ${shown(type)} failed in ${verb}`;
  if (result.ending === 'timeout') {
    return new CniError(
      ErrorCode.tryAgainLater,
      subject,
      `no answer within ${Math.round(timeoutMs / 100) / 10} seconds; it was killed`,
    );
  }
  if (result.ending === 'aborted') return new CniError(ErrorCode.tryAgainLater, subject, 'the command was cut short');
  if (result.ending === 'overflow') return new CniError(ErrorCode.ioFailure, subject, 'its answer is too large');
  const own = ownError(result.stdout);
  if (own !== undefined) return own;
  const words = (result.stderr.trim() || result.stdout.trim()).slice(0, 400);
  const how = result.ending === 'signal' ? 'it was killed by a signal' : `exit code ${result.exitCode}`;
  return new CniError(
    ErrorCode.ioFailure,
    subject,
    `${how} without a CNI error object${words === '' ? '' : `: ${words}`}`,
  );
}

/** The error object that a plugin prints on stdout, as it is: the user wants to read the culprit's own words. */
function ownError(stdout: string): CniError | undefined {
  try {
    const json: unknown = JSON.parse(stdout);
    if (typeof json !== 'object' || json === null || !('msg' in json) || typeof json.msg !== 'string') return undefined;
    const code = 'code' in json && typeof json.code === 'number' ? json.code : ErrorCode.internal;
    const details = 'details' in json && typeof json.details === 'string' ? json.details : '';
    return new CniError(code, json.msg, details);
  } catch {
    return undefined;
  }
}
