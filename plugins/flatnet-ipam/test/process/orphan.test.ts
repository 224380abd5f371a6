import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, EXECUTABLE, must, TIMEOUT } from './plugin-process.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.remove(), 120_000);

/** A pipe whose reading end is closed: what a delegated plugin has when its main plugin died. */
const withBrokenPipe = <T>(work: (writingEnd: number) => T): T => {
  const path = join(bench.folder, 'pipe');
  must('mkfifo', path);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  closeSync(reader);
  try {
    return work(writer);
  } finally {
    closeSync(writer);
  }
};

test('an answer that nobody reads: the lease is taken back, and the log says so', TIMEOUT, () => {
  const { status, signal } = withBrokenPipe((stdout) => bench.run('ADD', { stdout }));
  expect({ status, signal }).toEqual({ status: 1, signal: null });
  expect(bench.leases()).toEqual([]);
  expect(bench.logged()).toMatchObject({ outcome: 'error', code: 5, msg: 'could not write the result' });
});

test('an answer that nobody reads to an ADD that was repeated: the living container keeps its lease', TIMEOUT, () => {
  bench.add('mine');
  withBrokenPipe((stdout) => bench.run('ADD', { stdout }));
  expect(bench.leases()).toEqual(['mine:eth0']);
});

test('a main plugin that was dead before the start is seen by FLATNET_PPID', TIMEOUT, async () => {
  const gone = spawn('true');
  await once(gone, 'close');
  const { json } = bench.run('ADD', { env: { FLATNET_PPID: String(gone.pid) } });
  expect(json.code).toBe(11);
  expect(bench.leases()).toEqual([]);
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A shell plays the main plugin. It is killed when its delegate has a token and is held for two seconds before `syscall`; the
 * runtime's DEL comes at once, and then the delegate goes on. Its answer goes to a file, so that only its look at the parent helps.
 */
const killMainBefore = async (syscall: string, strace: readonly string[]): Promise<void> => {
  const trace = join(bench.folder, 'trace');
  const calls = `?${syscall},?${syscall}at,?${syscall}at2`;
  const inject = `strace -f ${strace.join(' ')} -o "$TRACE" -e trace=${calls} -e inject=${calls}:delay_enter=2000000:when=1`;
  const main = spawn('sh', ['-c', `FLATNET_PPID=$$ ${inject} "$PLUGIN"; :`], {
    env: { ...bench.env('ADD'), PLUGIN: EXECUTABLE, TRACE: trace },
    stdio: ['pipe', openSync(join(bench.folder, 'answer'), 'w'), 'ignore'],
  });
  main.stdin?.end(bench.stdin());
  while (bench.names('tmp').length === 0) await pause(5);
  main.kill('SIGKILL');
  await once(main, 'exit');
  expect(bench.run('DEL').status).toBe(0);
  while (!/\+\+\+ exited with \d+ \+\+\+\n$/.test(readFileSync(trace, 'utf8'))) await pause(20);
};

test.each([
  ['link', 'a child', ['-D']],
  ['link', 'a grandchild', []],
  ['rename', 'a child', ['-D']],
  ['rename', 'a grandchild', []],
])(
  'the main plugin dies before the %s of its delegate, %s; the DEL of the runtime comes first',
  TIMEOUT,
  async (syscall, _kin, strace) => {
    await killMainBefore(syscall, strace);
    expect(bench.leases()).toEqual([]);
  },
);
