import { spawnSync } from 'node:child_process';
import { DEFAULT_MAX_BYTES, definedOnly, TOOL_ENVIRONMENT } from './environment.ts';
import { findTool } from './find-tool.ts';
import type { Run, RunOptions, RunResult } from './run.ts';
import { notInstalled, startError } from './start-error.ts';
import { withinLimit } from './time-limit.ts';

/** Hung and slow look alike here, so the limit is generous; the command's own limit ends it earlier. */
const MAX_SYNC_MS = 20_000;

/**
 * `Run` that blocks this process: for programs of a few milliseconds whose end the caller awaits at once. It saves the
 * streams of `runConcurrently`. An abort that comes while
 * the program runs takes effect after it.
 *
 * It begins in a later turn of the event loop: streams hand over what was written to them (the input of a delegate) at the end of the present one.
 */
export const runSync: Run = async (file, args, options = {}) => {
  await new Promise(setImmediate);
  if (options.signal?.aborted) return { exitCode: null, stdout: '', stderr: '', ending: 'aborted' };
  const path = file.startsWith('/') ? file : findTool(file);
  if (path === undefined) throw notInstalled(file);
  return runToItsEnd(path, args, options);
};

function runToItsEnd(path: string, args: readonly string[], options: RunOptions): RunResult {
  const { input, env = TOOL_ENVIRONMENT, timeoutMs = MAX_SYNC_MS, maxBytes = DEFAULT_MAX_BYTES } = options;
  const timeout = withinLimit(timeoutMs);
  // To spawnSync, 0 means no limit.
  if (timeout < 1) return { exitCode: null, stdout: '', stderr: '', ending: 'timeout' };
  const { error, status, stdout, stderr } = spawnSync(path, args, {
    env: definedOnly(env),
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: maxBytes,
  });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const cut = code === 'ETIMEDOUT' ? 'timeout' : code === 'ENOBUFS' ? 'overflow' : undefined;
  // EPIPE: it ended without reading its input; its exit code tells the story.
  if (error !== undefined && cut === undefined && code !== 'EPIPE') throw startError(path, error);
  const ending = cut ?? (status === null ? 'signal' : 'exit');
  return { exitCode: status, stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8'), ending };
}
