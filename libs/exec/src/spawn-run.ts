import { spawn, type ChildProcess } from 'node:child_process';
import { DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT_MS, definedOnly, TOOL_ENVIRONMENT } from './environment.ts';
import { findTool } from './find-tool.ts';
import { isAtWork } from './is-at-work.ts';
import { ToolError, type Run, type RunOptions, type RunResult } from './run.ts';

/** After SIGKILL a grandchild may hold the pipes open; no longer than this is waited for them. */
const PIPE_GRACE_MS = 200;

/** A program that is at work at its deadline gets this long, looked at again and again. */
const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 250;

/**
 * `Run` over node:child_process. The plugins' hot path takes this one: loading execa costs 8 to 10 ms of a start that costs 4;
 * `execaRun` keeps the same contract for everything else.
 */
export const spawnRun: Run = (file, args, options = {}) => {
  const path = file.startsWith('/') ? file : findTool(file);
  if (path === undefined) {
    return Promise.reject(new ToolError(file, 'missing', `start ${file}`, 'it is not installed'));
  }
  return conclude(start(path, args, options, options.input === undefined ? 'ignore' : 'pipe'), options);
};

/** A program that runs and has not been given its input yet. */
export interface HeldProgram {
  /** Gives it its input and awaits its end; the deadline counts from here. As `Run` otherwise. */
  conclude(options: Pick<RunOptions, 'input' | 'timeoutMs' | 'signal'>): Promise<RunResult>;
  /** Ends it without input. */
  drop(): void;
}

/**
 * Starts a program that is known to do nothing before it has read its input to the end, so that its start-up time passes while the
 * caller still finds out whether and when it is needed.
 *
 * @param path absolute.
 */
export function startHeld(path: string, options: Pick<RunOptions, 'env' | 'maxBytes'>): HeldProgram {
  const started = start(path, [], options, 'pipe');
  // Whoever never asks shall not be told that it failed.
  started.ended.catch(() => {});
  return { conclude: (more) => conclude(started, more), drop: () => started.child.kill('SIGKILL') };
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<RunResult>;
  kill(why: RunResult['ending']): void;
}

function start(
  path: string,
  args: readonly string[],
  { env = TOOL_ENVIRONMENT, maxBytes = DEFAULT_MAX_BYTES }: Pick<RunOptions, 'env' | 'maxBytes'>,
  stdin: 'ignore' | 'pipe',
): Started {
  const child = spawn(path, args, { env: definedOnly(env), stdio: [stdin, 'pipe', 'pipe'] });
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
    child.kill('SIGKILL');
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
  const tool = path.slice(path.lastIndexOf('/') + 1);
  child.on('error', (error) => reject(new ToolError(tool, 'missing', `start ${path}`, error.message)));
  child.on('close', (exitCode) => settle(exitCode, cut ?? (exitCode === null ? 'signal' : 'exit')));
  // A program that ends without reading its input closes the pipe: its exit code tells the story, not EPIPE.
  child.stdin?.on('error', () => {});
  return { child, ended, kill };
}

async function conclude(
  { child, ended, kill }: Started,
  { input, timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Pick<RunOptions, 'input' | 'timeoutMs' | 'signal'>,
): Promise<RunResult> {
  const onAbort = (): void => kill('aborted');
  const latest = Date.now() + Math.max(timeoutMs, PATIENCE_MS);
  const onDeadline = (): void => {
    if (Date.now() >= latest || !isAtWork(child.pid)) kill('timeout');
    else deadline = setTimeout(onDeadline, LOOK_AGAIN_MS);
  };
  let deadline = setTimeout(onDeadline, timeoutMs);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  child.stdin?.end(input);
  try {
    return await ended;
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Promise.withResolvers of newer Node versions. */
function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
