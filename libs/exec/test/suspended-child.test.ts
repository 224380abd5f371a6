import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { spawnSuspended, type SuspendedChild, type SuspendedOptions } from '../src/index.ts';

/** The stdin of a process at the end of an anonymous pipe, as a shell makes it, whose writer has ended. */
async function drainedPipe(): Promise<string> {
  const shell = spawn('/bin/sh', ['-c', ': | sleep 600'], { stdio: 'ignore', detached: true });
  onTestFinished(() => void process.kill(-shell.pid!, 'SIGKILL'));
  for (let tries = 0; tries < 1000; tries++, await sleep(10)) {
    const children = readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, 'utf8').trim().split(' ');
    for (const child of children) {
      const stdin = `/proc/${child}/fd/0`;
      try {
        const isAsleep = readFileSync(`/proc/${child}/comm`, 'utf8') === 'sleep\n';
        if (isAsleep && readlinkSync(stdin).startsWith('pipe:[')) return stdin;
      } catch {
        // Not there yet, or not any more.
      }
    }
  }
  throw new Error('the shell made no pipe');
}

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flatnet-suspended-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function program(script: string): string {
  const path = join(scratch(), 'program');
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

const options = (input: string, more: Partial<SuspendedOptions> = {}): SuspendedOptions => ({
  input: Buffer.from(input),
  ...more,
});

const suspend = async (
  script: string,
  input: string,
  more: Partial<SuspendedOptions> = {},
): Promise<SuspendedChild> => {
  const child = spawnSuspended(program(script), options(input, { reusableStdin: await drainedPipe(), ...more }));
  if (child === undefined) throw new Error('it was not started');
  return child;
};

/** Waits until the process whose PID is in `file` sleeps in the kernel's read of a pipe. */
async function untilItReads(file: string): Promise<number> {
  for (let tries = 0; tries < 1000; tries++, await sleep(10)) {
    if (!existsSync(file)) continue;
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid > 0 && readFileSync(`/proc/${pid}/wchan`, 'latin1').endsWith('pipe_read')) return pid;
  }
  throw new Error('it does not read its stdin');
}

describe('a suspended program', () => {
  it('reads its whole input, and its output and exit code are told', async () => {
    const child = await suspend('cat; echo bad >&2; exit 3', 'question');
    expect(await child.resume({})).toEqual({ exitCode: 3, stdout: 'question', stderr: 'bad\n', ending: 'exit' });
  });
  it('may end without reading', async () => {
    expect((await (await suspend('exit 4', 'x')).resume({})).exitCode).toBe(4);
  });
  it('is killed at the deadline, at the abort, and at too much output', async () => {
    const sleeper = 'cat > /dev/null; exec sleep 60';
    expect((await (await suspend(sleeper, 'x')).resume({ timeoutMs: 100 })).ending).toBe('timeout');
    expect((await (await suspend(sleeper, 'x')).resume({ signal: AbortSignal.timeout(100) })).ending).toBe('aborted');
    const yes = await suspend('cat > /dev/null; exec yes', 'x', { maxBytes: 10_000 });
    expect((await yes.resume({})).ending).toBe('overflow');
  });
  it('runs until it reads, and gets nothing before it is resumed', async () => {
    const folder = scratch();
    const child = await suspend(`echo $$ > ${folder}/pid; exec cat > ${folder}/log`, 'asked\n');
    await untilItReads(`${folder}/pid`);
    expect(readFileSync(`${folder}/log`, 'utf8')).toBe('');
    await child.resume({});
    expect(readFileSync(`${folder}/log`, 'utf8')).toBe('asked\n');
  });
  it('ends without having read anything when it is killed', async () => {
    const folder = scratch();
    const child = await suspend(`echo $$ > ${folder}/pid; exec cat > ${folder}/log`, 'x');
    const pid = await untilItReads(`${folder}/pid`);
    child.kill();
    for (let tries = 0; tries < 1000 && existsSync(`/proc/${pid}`); tries++) await sleep(10);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(readFileSync(`${folder}/log`, 'utf8')).toBe('');
  });
});

describe('a program is not started early', () => {
  const script = `echo > ${join(tmpdir(), 'flatnet-never')}`;
  it.each([
    ['over a stdin that is no pipe', async () => options('x', { reusableStdin: '/dev/null' })],
    ['over a file, which it would write to', async () => options('x', { reusableStdin: program('cat') })],
    ['without a stdin to use', async () => options('x')],
    [
      'with more input than a pipe surely takes',
      async () => {
        return options('x'.repeat(5000), { reusableStdin: await drainedPipe() });
      },
    ],
  ])('%s', async (_, given) => {
    expect(spawnSuspended(program(script), await given())).toBeUndefined();
    expect(existsSync(join(tmpdir(), 'flatnet-never'))).toBe(false);
  });
});
