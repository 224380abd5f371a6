import { readFileSync } from 'node:fs';

/** System calls by which a program changes files, or makes them. */
const CALLS = 'mkdir link rename renameat2 unlink rmdir openat write pwrite64 utimensat ftruncate'.split(' ');
const OPENS_TO_READ = /^openat\(.*O_RDONLY/;
const KILLED = '+++ killed by SIGKILL +++';

/** A command that can be run again and again under strace. */
export interface Traced {
  readonly traceFile: string;
  /** The folders whose changes count. */
  readonly folders: readonly string[];
  /** What of a path differs from run to run, as the number of the process does; with the flag `g`. */
  readonly volatile?: RegExp;
  /** Makes the state from which a run begins. */
  prepare(): unknown;
  /** Runs the command as the last argument of a program with arguments, and waits for its end. */
  run(under: readonly string[]): unknown;
}

/** One system call of a run that changes a file. */
export interface FileChange {
  /** The call and the paths it names, and which of those with the same words it is. The same in each run. */
  readonly meaning: string;
  readonly syscall: string;
  /** Its number among the calls of that name, whatever they were for. */
  readonly when: number;
}

/** All changes of one undisturbed run, in their order. @throws Error if a thread other than the first makes one: it could not be killed there. */
export async function fileChangesOf(traced: Traced): Promise<readonly FileChange[]> {
  await traced.prepare();
  await traced.run(strace(traced, ['-f']));
  const threads = linesOf(traced).map((line) => line.split(' ', 1)[0]);
  const ofThread = (thread: string | undefined): readonly FileChange[] =>
    changesIn(
      linesOf(traced).filter((line) => line.startsWith(`${thread} `)),
      traced,
    );
  for (const other of new Set(threads.filter((thread) => thread !== threads[0]))) {
    const [change] = ofThread(other);
    if (change !== undefined) throw new Error(`not on the first thread: ${change.meaning}`);
  }
  return ofThread(threads[0]);
}

/**
 * Runs the command and has it killed with SIGKILL as it enters the system call, which is not made then. strace counts calls by name,
 * and a runtime opens files of its own (/proc/self/statm), at one time more of them than at another: the count is corrected by each run
 * in which something else was killed, until it was the one that is meant.
 */
export async function killBefore(change: FileChange, traced: Traced): Promise<void> {
  let { when } = change;
  for (let tries = 0; tries < 20; tries++) {
    await traced.prepare();
    await traced.run(strace(traced, ['-e', `inject=${change.syscall}:signal=SIGKILL:when=${when}`]));
    const lines = linesOf(traced);
    const made = changesIn(lines, traced);
    const isKilledAtChange = lines.at(-1) === KILLED && isChange(lines.at(-2) ?? '', traced);
    if (isKilledAtChange && made.at(-1)?.meaning === change.meaning) return;
    // Where it was in this run; if this run did not come so far, it was killed too early.
    when = made.find(({ meaning }) => meaning === change.meaning)?.when ?? when + 1;
  }
  throw new Error(`could not be killed at ${change.meaning}`);
}

const strace = ({ traceFile }: Traced, more: readonly string[]): readonly string[] => {
  const names = CALLS.map((name) => `?${name}`).join();
  return ['strace', '-q', '-y', '-o', traceFile, '-e', `trace=${names}`, ...more];
};

const linesOf = ({ traceFile }: Traced): readonly string[] => readFileSync(traceFile, 'utf8').trimEnd().split('\n');

const changesIn = (lines: readonly string[], traced: Traced): readonly FileChange[] => {
  const counts = new Map<string, number>();
  const count = (key: string): number => {
    const next = (counts.get(key) ?? 0) + 1;
    counts.set(key, next);
    return next;
  };
  return lines.flatMap((line) => {
    const syscall = /^(?:\d+ +)?(\w+)\(/.exec(line)?.[1];
    if (syscall === undefined) return [];
    const when = count(syscall);
    if (!isChange(line, traced)) return [];
    const words = [syscall, ...pathsIn(line, traced)].join(' ');
    return [{ syscall, when, meaning: `${words} #${count(`a change: ${words}`)}` }];
  });
};

const isChange = (line: string, traced: Traced): boolean =>
  pathsIn(line, traced).length > 0 && !OPENS_TO_READ.test(line.replace(/^\d+ +/, ''));

/** Each path once: a call that succeeded names the file that it opened twice. */
const pathsIn = (line: string, { folders, volatile }: Traced): readonly string[] => {
  const paths = [...line.matchAll(/["<](\/[^">]*)/g)].map(([, path = '']) => path);
  const ours = paths.filter((path) => folders.some((folder) => path.startsWith(folder)));
  return [...new Set(ours.map((path) => (volatile === undefined ? path : path.replace(volatile, '…'))))];
};
