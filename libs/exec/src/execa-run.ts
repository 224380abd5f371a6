import { execa } from 'execa';
import { DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT_MS, definedOnly, TOOL_ENVIRONMENT } from './environment.ts';
import { findTool } from './find-tool.ts';
import type { Run, RunOptions, RunResult } from './run.ts';
import { notInstalled, startError } from './start-error.ts';

/** `Run` over execa, for tests and the operator's side, where start-up time does not matter. */
export const execaRun: Run = (file, args, options = {}) => runBy(file, args, options, {});

/** The same in a process group of its own: Ctrl-C, which a terminal sends to all of a group, does not reach the program. */
export const execaRunApart: Run = (file, args, options = {}) => runBy(file, args, options, { detached: true });

async function runBy(
  file: string,
  args: readonly string[],
  options: RunOptions,
  how: { readonly detached?: true },
): Promise<RunResult> {
  const path = file.startsWith('/') ? file : findTool(file);
  if (path === undefined) throw notInstalled(file);
  const {
    input,
    env = TOOL_ENVIRONMENT,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    maxBytes = DEFAULT_MAX_BYTES,
    signal,
  } = options;
  const result = await execa(path, args, {
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    ...how,
    env: definedOnly(env),
    extendEnv: false,
    timeout: timeoutMs,
    maxBuffer: maxBytes,
    killSignal: 'SIGKILL',
    stripFinalNewline: false,
    reject: false,
  });
  if (result.exitCode === undefined && !result.isTerminated && !result.isMaxBuffer && !result.timedOut) {
    throw startError(path, result.cause ?? result.shortMessage ?? 'it could not be started');
  }
  const ending: RunResult['ending'] = result.timedOut
    ? 'timeout'
    : result.isMaxBuffer
      ? 'overflow'
      : result.isCanceled
        ? 'aborted'
        : result.isTerminated
          ? 'signal'
          : 'exit';
  return { exitCode: result.exitCode ?? null, stdout: result.stdout, stderr: result.stderr, ending };
}
