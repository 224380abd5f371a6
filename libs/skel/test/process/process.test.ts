/** The harness as a process: what its caller's descriptors and signals are, and how it ends. */
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'flatnet-harness-'));
const program = join(folder, 'stand-in.mjs');
const log = join(folder, 'log');
const bun = createRequire(import.meta.url).resolve(
  `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}/bin/bun`,
);

beforeAll(async () => {
  const entryPoints = [join(import.meta.dirname, 'stand-in.ts')];
  await build({ entryPoints, outfile: program, bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' });
});
beforeEach(() => writeFileSync(log, ''));
afterAll(() => rmSync(folder, { recursive: true }));

const logged = (): string[] => readFileSync(log, 'utf8').split('\n').filter(Boolean);
const config = (work: string): string =>
  JSON.stringify({ cniVersion: '1.1.0', name: 'net', work, logFile: join(folder, 'calls.log') });

interface Call {
  readonly verb?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The variables of a call, and the shell line that becomes the stand-in, with stdin and stdout as the test says. */
const environment = ({ verb = 'ADD', env = {} }: Call): Record<string, string> => ({
  ...{ PATH: '/usr/bin:/bin', LOG: log, CNI_COMMAND: verb, CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0' },
  ...{ CNI_NETNS: '/run/netns/none', CNI_PATH: '/none', ...env },
});

describe('under the runtime of the executables', () => {
  const runtime = bun;
  /** Runs a line of bash in which "$@" is the stand-in. Its stdin is `input`, by a pipe. */
  const shell = (line: string, call: Call & { input?: string } = {}) => {
    const result = spawnSync('/bin/bash', ['-c', line, 'bash', runtime, program], {
      env: environment(call),
      encoding: 'utf8',
      timeout: 30_000,
      ...(call.input === undefined ? {} : { input: call.input }),
    });
    return { ...result, json: parsed(result.stdout) };
  };
  const piped = (work: string, call: Call = {}) => shell('cat | "$@"', { ...call, input: config(work) });

  it.each(['leave a rejection unhandled', 'throw in a timer'])('%s: an ADD is undone', (work) => {
    const { status, json } = piped(work);
    expect({ status, json }).toMatchObject({
      status: 1,
      json: { code: 999, details: expect.stringContaining('forgotten') },
    });
    expect(logged()).toEqual(['begun', 'undone']);
    expect(piped(work, { verb: 'DEL' })).toMatchObject({ status: 1, json: { code: 999 } });
  });

  it('has its exit codes where the caller ignores SIGCHLD', () => {
    const { status, json } = shell('trap "" CHLD; cat | "$@"', { input: config('run programs') });
    expect({ status, json }).toMatchObject({ status: 0, json: { cniVersion: '1.1.0' } });
    expect(logged()).toEqual(['begun', 'blocking 3', 'beside 3']);
  });

  it('ends programs at the deadline of the command, and is undone', () => {
    const { json } = piped('run a program that hangs', { env: { WORK_MS: '1500' } });
    expect(json).toMatchObject({ code: 11 });
    expect(logged()).toEqual(['begun', 'timeout', 'timeout', 'undone']);
  });

  describe('stdin', () => {
    it('that never ends is given up at the deadline', () => {
      const { status, json } = shell('exec "$@" < <(exec sleep 5 2>&-)', { env: { WORK_MS: '700' } });
      expect(json).toMatchObject({ code: 5, details: expect.stringContaining('close stdin') });
      expect(status).toBe(1);
    });
    it('that is a socket works, and is given up too', async () => {
      const call = { env: { ...environment({}), WORK_MS: '2000' }, stdio: ['pipe', 'pipe', 'inherit'] as StdioOptions };
      const whole = spawn(runtime, [program], call);
      whole.stdin!.end(config('nothing'));
      expect(parsed(await outputOf(whole))).toMatchObject({ cniVersion: '1.1.0' });
      const open = spawn(runtime, [program], call);
      open.stdin!.write(config('nothing'));
      expect(parsed(await outputOf(open))).toMatchObject({ code: 5 });
    });
    it.each(['</tmp', '<&-', '</dev/null'])('%s is an empty one', (redirection) => {
      expect(shell(`"$@" ${redirection}`).json).toMatchObject({ code: 6 });
    });
    it('may be a file, or come in pieces', () => {
      writeFileSync(join(folder, 'config'), config('nothing'));
      expect(shell(`"$@" <${join(folder, 'config')}`)).toMatchObject({ status: 0 });
      const pieces = `(printf %s '${config('nothing').slice(0, 20)}'; sleep 0.3; printf %s '${config('nothing').slice(20)}') | "$@"`;
      expect(shell(pieces)).toMatchObject({ status: 0 });
    });
  });

  describe('a signal', () => {
    /** The stand-in behind a pipe whose writer is the test. */
    const start = (call: Call, line = 'exec "$@" <"$0"'): { child: ChildProcess; fifo: string } => {
      const fifo = join(folder, `fifo-${Math.random()}`);
      spawnSync('mkfifo', [fifo]);
      const child = spawn('/bin/bash', ['-c', line, fifo, runtime, program], {
        env: environment(call),
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return { child, fifo };
    };
    it.each([
      ['SIGTERM', 'exec "$@" <"$0"'],
      ['SIGINT', 'exec "$@" <"$0"'],
      ['SIGTERM', 'trap "" TERM INT; exec "$@" <"$0"'],
    ] as const)('%s while stdin is open ends it at once (%s)', async (signal, line) => {
      const { child, fifo } = start({}, line);
      const ended = endOf(child);
      const writer = openSync(fifo, constants.O_WRONLY);
      await untilReads(child.pid!, fifo);
      child.kill(signal);
      expect(await ended).toEqual({ code: null, signal });
      closeSync(writer);
    });
    it.each(['SIGTERM', 'SIGINT'] as const)('%s undoes an ADD, also where the caller ignores it', async (signal) => {
      for (const trap of ['', 'trap "" TERM INT; ']) {
        writeFileSync(log, '');
        const { child, fifo } = start({}, `${trap}exec "$@" <"$0"`);
        const output = outputOf(child);
        give(fifo, config('hang'));
        await until(() => logged().includes('begun'));
        child.kill(signal);
        expect(parsed(await output)).toMatchObject({ code: 11, msg: `interrupted by ${signal}` });
        expect(logged()).toEqual(['begun', 'undone']);
      }
    });
    it('SIGHUP undoes no ADD under nohup', async () => {
      const { child, fifo } = start({ env: { WORK_MS: '3000' } }, 'trap "" HUP; exec "$@" <"$0"');
      const output = outputOf(child);
      give(fifo, config('hang'));
      await until(() => logged().includes('begun'));
      child.kill('SIGHUP');
      expect(parsed(await output)).toMatchObject({ code: 11, msg: expect.stringContaining('did not finish') });
    });
    it('ends CHECK and STATUS, and not DEL', async () => {
      for (const [verb, signal] of [
        ['STATUS', 'SIGTERM'],
        ['CHECK', 'SIGTERM'],
        ['DEL', null],
      ] as const) {
        writeFileSync(log, '');
        const { child, fifo } = start({ verb, env: { WORK_MS: '2500' } });
        const ended = endOf(child);
        give(fifo, config('hang'));
        await until(() => logged().includes('begun'));
        child.kill('SIGTERM');
        expect((await ended).signal, verb).toBe(signal);
      }
    });
  });

  describe('stdout', () => {
    it('that nobody reads undoes an ADD', () => {
      // A pipe takes 64 KiB.
      shell('cat | "$@" > >(exec sleep 5 >&- 2>&-)', {
        input: config('nothing'),
        env: { ANSWER: '200000', WORK_MS: '1500' },
      });
      expect(logged()).toEqual(['begun', 'undone']);
    });
    it('without a reader undoes an ADD', () => {
      shell('cat | (sleep 0.2; exec "$@") > >(true)', { input: config('nothing') });
      expect(logged()).toEqual(['begun', 'undone']);
    });
    it('takes a large answer whole', () => {
      expect(shell('cat | "$@" | cat', { input: config('nothing'), env: { ANSWER: '400000' } }).json).toMatchObject({
        dns: { domain: 'x'.repeat(400_000) },
      });
    });
    it.each(['2>&-', '2>/dev/full'])('gets the error with %s', (redirection) => {
      expect(shell(`cat | "$@" ${redirection}`, { input: '{}' }).json).toMatchObject({ code: 7 });
    });
    it('gets the error where stderr is a full pipe that nobody reads', () => {
      const line = 'exec 4> >(exec sleep 5 >&- 2>&-); head -c 65536 /dev/zero >&4; cat | "$@" 2>&4';
      expect(shell(line, { input: '{}' }).json).toMatchObject({ code: 7 });
    });
  });

  describe('VERSION', () => {
    const version = (line: string, input?: string) =>
      shell(line, { verb: 'VERSION', ...(input === undefined ? {} : { input }) }).json;
    it('answers in the version of its input, which need not end', () => {
      expect(version('cat | "$@"', '{"cniVersion":"0.4.0"}')).toMatchObject({ cniVersion: '0.4.0' });
      expect(version(`"$@" < <(printf '{"cniVersion":"1.0.0"}'; exec sleep 3 2>&-)`)).toMatchObject({
        cniVersion: '1.0.0',
      });
    });
    it.each(['</dev/null', '<&-', '</tmp', '< <(exec sleep 3 2>&-)'])(
      'answers in the newest version with stdin %s',
      (stdin) => {
        expect(version(`"$@" ${stdin}`)).toMatchObject({ cniVersion: '1.1.0' });
      },
    );
  });
});

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const outputOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('close', () => resolve(text));
  });

const endOf = (child: ChildProcess): Promise<{ code: number | null; signal: string | null }> =>
  new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000; tries++, await sleep(10)) if (holds()) return;
  throw new Error('it did not happen within 10 s');
}

/** Waits until the process has opened its stdin a second time, which it does to read it. */
async function untilReads(pid: number, fifo: string): Promise<void> {
  await until(() => {
    const { stdout } = spawnSync('find', [`/proc/${pid}/fd`, '-lname', fifo], { encoding: 'utf8' });
    return stdout.trim().split('\n').length > 1;
  });
}

function give(fifo: string, text: string): void {
  const writer = openSync(fifo, constants.O_WRONLY);
  writeSync(writer, text);
  closeSync(writer);
}
