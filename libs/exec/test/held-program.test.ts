import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startHeld, type HeldOptions } from '../src/index.ts';

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

function program(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'flatnet-held-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'program');
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

const options = (input: string, more: Partial<HeldOptions> = {}): HeldOptions => ({
  input: Buffer.from(input),
  ...more,
});

describe.each([
  ['over our drained stdin', async () => ({ drainedStdin: await drainedPipe() })],
  ['with a stdin that is no pipe', () => Promise.resolve({ drainedStdin: '/dev/null' })],
  ['without a stdin to use', () => Promise.resolve({})],
])('a held program, %s', (_, place) => {
  it('reads its whole input, and its output and exit code are told', async () => {
    const held = startHeld(program('cat; echo bad >&2; exit 3'), options('question', await place()));
    expect(await held.conclude({})).toEqual({ exitCode: 3, stdout: 'question', stderr: 'bad\n', ending: 'exit' });
  });
  it('takes input of any size, from programs that do not read it too', async () => {
    const input = 'x'.repeat(500_000);
    const count = startHeld(program('wc -c'), options(input, await place()));
    expect((await count.conclude({})).stdout.trim()).toBe('500000');
    const deaf = startHeld(program('exit 0'), options('x', await place()));
    await sleep(50);
    expect((await deaf.conclude({})).exitCode).toBe(0);
  });
  it('is killed at the deadline, at the abort, and at too much output', async () => {
    const sleeper = program('cat > /dev/null; exec sleep 60');
    expect((await startHeld(sleeper, options('x', await place())).conclude({ timeoutMs: 100 })).ending).toBe('timeout');
    const signal = AbortSignal.timeout(100);
    expect((await startHeld(sleeper, options('x', await place())).conclude({ signal })).ending).toBe('aborted');
    const yes = startHeld(program('cat > /dev/null; exec yes'), options('x', { maxBytes: 10_000, ...(await place()) }));
    expect((await yes.conclude({})).ending).toBe('overflow');
  });
});

describe('a held program that is started early', () => {
  it('runs until it reads, and gets nothing before it is asked', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flatnet-held-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const script = `echo started > ${folder}/log; cat >> ${folder}/log`;
    const held = startHeld(program(script), options('asked\n', { drainedStdin: await drainedPipe() }));
    const log = (): string => readFileSync(`${folder}/log`, 'utf8');
    for (let tries = 0; tries < 1000; tries++, await sleep(10)) {
      try {
        if (log() === 'started\n') break;
      } catch {
        // Not yet.
      }
    }
    await sleep(50);
    expect(log()).toBe('started\n');
    await held.conclude({});
    expect(log()).toBe('started\nasked\n');
  });
  it('ends without having read anything when the caller drops it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flatnet-held-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const script = `echo $$ > ${folder}/pid; cat > ${folder}/read; echo end > ${folder}/end`;
    const held = startHeld(program(script), options('x', { drainedStdin: await drainedPipe() }));
    while (!existsSync(`${folder}/read`)) await sleep(10);
    held.drop();
    const pid = readFileSync(`${folder}/pid`, 'utf8').trim();
    while (existsSync(`/proc/${pid}`)) await sleep(10);
    expect(readFileSync(`${folder}/read`, 'utf8')).toBe('');
    expect(existsSync(`${folder}/end`)).toBe(false);
  });
  it('does not write to a file that is its caller’s stdin', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'flatnet-held-')), 'stdin');
    onTestFinished(() => rmSync(join(file, '..'), { recursive: true }));
    writeFileSync(file, 'the configuration');
    const held = startHeld(program('cat'), options('question', { drainedStdin: file }));
    expect((await held.conclude({})).stdout).toBe('question');
    expect(readFileSync(file, 'utf8')).toBe('the configuration');
  });
});
