import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { DEFAULT_MAX_BYTES, definedOnly, TOOL_ENVIRONMENT } from './environment.ts';
import { findTool } from './find-tool.ts';
import type { Run, RunOptions, RunResult } from './run.ts';
import { notInstalled, startError } from './start-error.ts';
import { withinLimit } from './time-limit.ts';
import { supervise, withResolvers, type Started } from './supervise.ts';

/** After SIGKILL a grandchild may hold the pipes open; no longer than this is waited for them. */
const PIPE_GRACE_MS = 200;

/**
 * `Run` over node:child_process, for programs that run beside others. The plugins' hot path takes this one: loading execa costs 8 to 10 ms
 * of a start that costs 4; `execaRun` keeps the same contract for everything else.
 */
export const runConcurrently: Run = (file, args, options = {}) => runBy(file, args, options, false);

/**
 * The same in a process group of its own, which ends as a whole: what the program started ends with it, and Ctrl-C, which a terminal sends to
 * all of our group, does not reach it.
 */
export const runGroup: Run = (file, args, options = {}) => runBy(file, args, options, true);

async function runBy(file: string, args: readonly string[], options: RunOptions, apart: boolean): Promise<RunResult> {
  const path = file.startsWith('/') ? file : findTool(file);
  if (path === undefined) throw notInstalled(file);
  if (withinLimit(1) < 1) return { exitCode: null, stdout: '', stderr: '', ending: 'timeout' };
  const started = start(path, args, options, apart);
  const result = supervise(started, options);
  started.child.stdin?.end(options.input);
  return result;
}

function start(
  path: string,
  args: readonly string[],
  { env = TOOL_ENVIRONMENT, maxBytes = DEFAULT_MAX_BYTES, input }: RunOptions,
  apart: boolean,
): Started {
  const child = spawned(path, args, {
    env: definedOnly(env),
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: apart,
  });
  const { promise: ended, resolve, reject } = withResolvers<RunResult>();
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let cut: RunResult['ending'] | undefined;

  const settle = (exitCode: number | null, ending: RunResult['ending']): void => {
    child.stdout?.destroy();
    child.stderr?.destroy();
    const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
    resolve({ exitCode, stdout: text(output.stdout), stderr: text(output.stderr), ending });
  };
  const kill = (why: RunResult['ending']): void => {
    cut ??= why;
    killAll(child, apart);
    setTimeout(() => settle(null, cut ?? why), PIPE_GRACE_MS).unref();
  };
  for (const stream of ['stdout', 'stderr'] as const) {
    let size = 0;
    child[stream]?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) kill('overflow');
      else output[stream].push(chunk);
    });
  }
  child.on('error', (error) => reject(startError(path, error)));
  child.on('close', (exitCode) => settle(exitCode, cut ?? (exitCode === null ? 'signal' : 'exit')));
  // A program that ends without reading its input closes the pipe: its exit code tells the story, not EPIPE.
  child.stdin?.on('error', () => {});
  return { child, ended, kill };
}

/** A group is named by the negative of its leader's id (kill(2)). */
function killAll(child: ChildProcess, apart: boolean): void {
  if (!apart || child.pid === undefined) return void child.kill('SIGKILL');
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Some errors are thrown, E2BIG for one; others are events. */
function spawned(path: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  try {
    return spawn(path, args, options);
  } catch (error) {
    throw startError(path, error);
  }
}
