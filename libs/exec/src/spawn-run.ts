import { spawn } from 'node:child_process';
import { DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT_MS, definedOnly, TOOL_ENVIRONMENT } from './environment.ts';
import { findTool } from './find-tool.ts';
import { ToolError, type Run, type RunResult } from './run.ts';

/** After SIGKILL a grandchild may hold the pipes open; no longer than this is waited for them. */
const PIPE_GRACE_MS = 200;

/**
 * `Run` over node:child_process. The plugins' hot path takes this one: loading execa costs 8 to 10 ms of a start that costs 4
 * (ecosystem.md, finding 5); `execaRun` keeps the same contract for everything else.
 */
export const spawnRun: Run = (file, args, options = {}) => {
  const path = file.startsWith('/') ? file : findTool(file);
  if (path === undefined) {
    return Promise.reject(new ToolError(file, 'missing', `start ${file}`, 'it is not installed'));
  }
  const {
    input,
    env = TOOL_ENVIRONMENT,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    maxBytes = DEFAULT_MAX_BYTES,
    signal,
  } = options;
  return new Promise<RunResult>((resolve, reject) => {
    const child = spawn(path, args, {
      env: definedOnly(env),
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let cut: RunResult['ending'] | undefined;
    let settled = false;

    const settle = (exitCode: number | null, ending: RunResult['ending']): void => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      signal?.removeEventListener('abort', onAbort);
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
    const onAbort = (): void => kill('aborted');
    const deadline = setTimeout(() => kill('timeout'), timeoutMs);

    for (const stream of ['stdout', 'stderr'] as const) {
      let size = 0;
      child[stream]?.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) kill('overflow');
        else output[stream].push(chunk);
      });
    }
    child.on('error', (error) => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      signal?.removeEventListener('abort', onAbort);
      reject(new ToolError(file, 'missing', `start ${path}`, error.message));
    });
    child.on('close', (exitCode) => settle(exitCode, cut ?? (exitCode === null ? 'signal' : 'exit')));
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    // A program that ends without reading its input closes the pipe: its exit code tells the story, not EPIPE.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
};
