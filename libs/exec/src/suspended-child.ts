import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { DEFAULT_MAX_BYTES, definedOnly, TOOL_ENVIRONMENT } from './environment.ts';
import { MemoryFiles } from './memory-files.ts';
import { reopenPipe, type Pipe } from './reopen-pipe.ts';
import type { RunOptions, RunResult } from './run.ts';
import { startError } from './start-error.ts';
import { supervise, withResolvers, type Started } from './supervise.ts';

/** PIPE_BUF (pipe(7)): so much an empty pipe takes at once, whatever its size. */
const MAX_INPUT_BYTES = 4096;

/** How often the size of its output is looked at. */
const LOOK_MS = 100;

/** A program that runs, and waits for its input. */
export interface SuspendedChild {
  /** Gives it its input and awaits its end; the time limit counts from here. As `Run` otherwise. */
  resume(options: Pick<RunOptions, 'timeoutMs' | 'signal'>): Promise<RunResult>;
  /** Ends it without input. */
  kill(): void;
}

export interface SuspendedOptions extends Pick<RunOptions, 'env' | 'maxBytes'> {
  readonly input: Uint8Array;
  /** Our own stdin as a path, which was read to its end and is not read again: it serves as the program's, once. */
  readonly reusableStdin?: string;
}

/**
 * Starts a program that is known to do nothing before it has read its input to the end: its start-up time passes while the caller finds out
 * whether and when it is needed.
 *
 * @param path absolute.
 * @returns undefined when it cannot wait: there is no pipe to hold its input back, or too much of it, or no file for its output.
 */
export function spawnSuspended(path: string, options: SuspendedOptions): SuspendedChild | undefined {
  const { input, reusableStdin } = options;
  if (reusableStdin === undefined || input.length > MAX_INPUT_BYTES) return undefined;
  const pipe = reopenPipe(reusableStdin);
  const files = pipe === undefined ? undefined : MemoryFiles.open();
  if (pipe === undefined || files === undefined) {
    if (pipe !== undefined) closeBoth(pipe);
    return undefined;
  }
  const started = start(path, pipe.read, files, options);
  let isSuspended = true;
  const release = (): void => {
    if (isSuspended) closeBoth(pipe);
    isSuspended = false;
  };
  return {
    resume: (more) => {
      // No SIGPIPE when it has ended already: we read from this pipe, too.
      if (!more.signal?.aborted) writeSync(pipe.write, input);
      const result = supervise(started, more);
      release();
      return result;
    },
    kill: () => {
      started.child.kill('SIGKILL');
      release();
    },
  };
}

function closeBoth({ read, write }: Pipe): void {
  closeSync(write);
  closeSync(read);
}

function start(
  path: string,
  stdin: number,
  files: MemoryFiles,
  { env = TOOL_ENVIRONMENT, maxBytes = DEFAULT_MAX_BYTES }: SuspendedOptions,
): Started {
  const { promise: ended, resolve, reject } = withResolvers<RunResult>();
  // Avoids an unhandled rejection when nothing awaits the result.
  ended.catch(() => {});
  const child = spawn(path, [], { env: definedOnly(env), stdio: [stdin, files.stdout, files.stderr] });
  let cut: RunResult['ending'] | undefined;
  const kill = (why: RunResult['ending']): void => {
    cut ??= why;
    child.kill('SIGKILL');
  };
  const look = setInterval(() => {
    if (files.size > maxBytes) kill('overflow');
  }, LOOK_MS);
  look.unref();
  child.on('error', (error) => {
    clearInterval(look);
    files.close();
    reject(startError(path, error));
  });
  child.on('exit', (exitCode) => {
    clearInterval(look);
    const isTooMuch = files.size > maxBytes;
    const isCut = exitCode !== 0 && files.isFull;
    const output = files.read(maxBytes);
    files.close();
    resolve({
      exitCode,
      stdout: output.stdout,
      stderr: isCut ? `${output.stderr}(${files.place} is full: its own words may be missing)` : output.stderr,
      ending: cut ?? (isTooMuch ? 'overflow' : exitCode === null ? 'signal' : 'exit'),
    });
  });
  return { child, ended, kill };
}
