import { afterEach, describe, expect, it } from 'vitest';
import { execaRun } from '../src/execa-run.ts';
import { limitPrograms, runConcurrently, runSync, startError } from '../src/index.ts';

// The contract of Run, held against all of its implementations with real little programs.
describe.each([
  ['runConcurrently', runConcurrently],
  ['runSync', runSync],
  ['execaRun', execaRun],
])('%s', (_, run) => {
  it('hands over arguments as they are and returns the output', async () => {
    const result = await run('/bin/echo', ['-n', '$(id); a  b', '*']);
    expect(result).toEqual({ exitCode: 0, stdout: '$(id); a  b *', stderr: '', ending: 'exit' });
  });
  it('does not reject for a non-zero exit', async () => {
    expect(await run('/bin/sh', ['-c', 'echo bad >&2; exit 3'])).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: 'bad\n',
      ending: 'exit',
    });
  });
  it('writes input of any size, also to a program that does not read it', async () => {
    const input = 'x'.repeat(500_000);
    expect((await run('/usr/bin/wc', ['-c'], { input })).stdout.trim()).toBe('500000');
    expect((await run('/bin/true', [], { input })).exitCode).toBe(0);
  });
  it('gives a program nothing of the caller’s environment', async () => {
    process.env['FLATNET_TEST_SECRET'] = '1';
    expect((await run('/usr/bin/env', [])).stdout).not.toContain('FLATNET_TEST_SECRET');
    expect((await run('/usr/bin/env', [], { env: { A: 'b', C: undefined } })).stdout).toBe('A=b\n');
  });
  it('kills at the timeout', async () => {
    expect((await run('/bin/sleep', ['20'], { timeoutMs: 100 })).ending).toBe('timeout');
  });
  it('kills at too much output', async () => {
    expect((await run('/usr/bin/yes', [], { maxBytes: 10_000 })).ending).toBe('overflow');
  });
  it('starts nothing after the abort', async () => {
    expect((await run('/bin/sleep', ['20'], { signal: AbortSignal.abort() })).ending).toBe('aborted');
  });
  it('names a tool that is not there', async () => {
    await expect(run('no-such-tool', [])).rejects.toMatchObject({ tool: 'no-such-tool', kind: 'missing' });
    await expect(run('/no/such/tool', [])).rejects.toMatchObject({ tool: 'tool', kind: 'missing' });
  });
  it('tells a tool that cannot be started from one that is not there', async () => {
    await expect(run('/etc/passwd', [])).rejects.toMatchObject({ tool: 'passwd', kind: 'denied' });
    await expect(run('/bin/true', ['x'.repeat(200_000)])).rejects.toMatchObject({ tool: 'true', kind: 'too-long' });
  });
});

describe.each([
  ['runConcurrently', runConcurrently],
  ['execaRun', execaRun],
])('%s beside other work', (_, run) => {
  it('kills at the abort', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    expect((await run('/bin/sleep', ['20'], { signal: abort.signal })).ending).toBe('aborted');
  });
});

describe('runSync', () => {
  it('lets other calls of its turn go first', async () => {
    const order: string[] = [];
    const blocking = runSync('/bin/true', []).then(() => order.push('program'));
    order.push('same turn');
    await blocking;
    expect(order).toEqual(['same turn', 'program']);
  });
});

describe('runConcurrently at the deadline', () => {
  it('lets a program finish that is at work, and kills one that sleeps', async () => {
    const working = 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo done';
    expect(await runConcurrently('/bin/sh', ['-c', working], { timeoutMs: 20 })).toMatchObject({
      stdout: 'done\n',
      ending: 'exit',
    });
    expect(await runConcurrently('/bin/sh', ['-c', 'sleep 20; echo done'], { timeoutMs: 200 })).toMatchObject({
      ending: 'timeout',
    });
  });
});

describe.each([
  ['runConcurrently', runConcurrently],
  ['runSync', runSync],
])('%s within the limit of the process', (_, run) => {
  afterEach(() => limitPrograms(Number.POSITIVE_INFINITY));
  it('ends earlier than its own limit, also when it is at work', async () => {
    for (const line of ['exec sleep 20', 'while :; do :; done']) {
      limitPrograms(performance.now() + 200);
      expect((await run('/bin/sh', ['-c', line], { timeoutMs: 15_000 })).ending).toBe('timeout');
    }
  });
  it('ends although a grandchild holds its output open', async () => {
    expect((await run('/bin/sh', ['-c', 'sleep 20 & exec sleep 20'], { timeoutMs: 100 })).ending).toBe('timeout');
  });
  it('does not run at all when nothing is left', async () => {
    limitPrograms(performance.now() - 1);
    expect(await run('/bin/sh', ['-c', 'echo ran'])).toMatchObject({ ending: 'timeout', stdout: '' });
  });
});

it.each([
  ['ENOENT', 'missing'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
  ['ENOEXEC', 'broken'],
  ['EAGAIN', 'no-process'],
  ['ENOMEM', 'no-memory'],
  ['EMFILE', 'no-descriptor'],
  ['ENFILE', 'no-descriptor'],
  ['E2BIG', 'too-long'],
  ['EIO', 'not-started'],
])('%s is of kind %s', (code, kind) => {
  const error = startError('/usr/sbin/nft', Object.assign(new Error(code), { code }));
  expect(error).toMatchObject({ tool: 'nft', kind, doing: 'start /usr/sbin/nft' });
});
