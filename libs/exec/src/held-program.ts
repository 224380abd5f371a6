import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { DEFAULT_MAX_BYTES, definedOnly, TOOL_ENVIRONMENT } from './environment.ts';
import { OutputFiles } from './output-files.ts';
import { reopenPipe, type Pipe } from './reopen-pipe.ts';
import { ToolError, type RunOptions, type RunResult } from './run.ts';
import { spawnRun } from './spawn-run.ts';
import { supervise, withResolvers, type Started } from './supervise.ts';

/** PIPE_BUF (pipe(7)): so much an empty pipe takes at once, whatever its size. */
const MAX_HELD_BYTES = 4096;

/** How often the size of its output is looked at. */
const LOOK_MS = 100;

/** A program that has not been given its input yet. */
export interface HeldProgram {
  /** Gives it its input and awaits its end; the deadline counts from here. As `Run` otherwise. */
  conclude(options: Pick<RunOptions, 'timeoutMs' | 'signal'>): Promise<RunResult>;
  /** Ends it without input. */
  drop(): void;
}

export interface HeldOptions extends Pick<RunOptions, 'env' | 'maxBytes'> {
  readonly input: Uint8Array;
  /** Our own stdin as a path, if it was read to its end and nobody will read it again: it may serve as the program's, once. */
  readonly drainedStdin?: string;
}

/**
 * Prepares a program that is known to do nothing before it has read its input to the end. It is started now, so that its start-up time
 * passes while the caller still finds out whether and when it is needed; without a pipe to hold its input back, or with much of it, it is
 * started only when it is wanted.
 *
 * @param path absolute.
 */
export function startHeld(path: string, options: HeldOptions): HeldProgram {
  const { input, drainedStdin } = options;
  const isSmall = input.length <= MAX_HELD_BYTES;
  const pipe = drainedStdin !== undefined && isSmall ? reopenPipe(drainedStdin) : undefined;
  const files = pipe === undefined ? undefined : OutputFiles.open();
  if (pipe === undefined || files === undefined) {
    if (pipe !== undefined) closeBoth(pipe);
    return { conclude: (more) => spawnRun(path, [], { ...options, ...more }), drop: () => {} };
  }
  const started = start(path, pipe.read, files, options);
  let isHeld = true;
  const letGo = (): void => {
    if (isHeld) closeBoth(pipe);
    isHeld = false;
  };
  return {
    conclude: (more) => {
      // No SIGPIPE when it has ended already: we read from this pipe, too.
      if (!more.signal?.aborted) writeSync(pipe.write, input);
      const result = supervise(started, more);
      letGo();
      return result;
    },
    drop: () => {
      started.child.kill('SIGKILL');
      letGo();
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
  files: OutputFiles,
  { env = TOOL_ENVIRONMENT, maxBytes = DEFAULT_MAX_BYTES }: HeldOptions,
): Started {
  const { promise: ended, resolve, reject } = withResolvers<RunResult>();
  // Whoever never asks shall not be told that it failed.
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
  const tool = path.slice(path.lastIndexOf('/') + 1);
  child.on('error', (error) => {
    clearInterval(look);
    files.close();
    reject(new ToolError(tool, 'missing', `start ${path}`, error.message));
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
