import { describe, expect, it } from 'vitest';
import { execaRun } from '../src/execa-run.ts';
import { blockingRun, spawnRun, ToolError } from '../src/index.ts';

// The contract of Run, held against all of its implementations with real little programs.
describe.each([
  ['spawnRun', spawnRun],
  ['blockingRun', blockingRun],
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
  it('kills at the timeout, a grandchild with the pipe open or not', async () => {
    const begin = performance.now();
    expect((await run('/bin/sleep', ['20'], { timeoutMs: 100 })).ending).toBe('timeout');
    expect(performance.now() - begin).toBeLessThan(5_000);
  });
  it('kills at too much output', async () => {
    expect((await run('/usr/bin/yes', [], { maxBytes: 10_000 })).ending).toBe('overflow');
  });
  it('starts nothing after the abort', async () => {
    const begin = performance.now();
    expect((await run('/bin/sleep', ['20'], { signal: AbortSignal.abort() })).ending).toBe('aborted');
    expect(performance.now() - begin).toBeLessThan(5_000);
  });
  it('names a tool that is not there', async () => {
    await expect(run('no-such-tool', [])).rejects.toMatchObject({ tool: 'no-such-tool', kind: 'missing' });
    await expect(run('/etc/passwd', [])).rejects.toBeInstanceOf(ToolError);
  });
});

describe.each([
  ['spawnRun', spawnRun],
  ['execaRun', execaRun],
])('%s beside other work', (_, run) => {
  it('kills at the abort', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    expect((await run('/bin/sleep', ['20'], { signal: abort.signal })).ending).toBe('aborted');
  });
});

describe('blockingRun', () => {
  it('lets other calls of its turn go first', async () => {
    const order: string[] = [];
    const blocking = blockingRun('/bin/true', []).then(() => order.push('program'));
    order.push('same turn');
    await blocking;
    expect(order).toEqual(['same turn', 'program']);
  });
});

describe('spawnRun at the deadline', () => {
  it('lets a program finish that is at work, and kills one that sleeps', async () => {
    const working = 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo done';
    expect(await spawnRun('/bin/sh', ['-c', working], { timeoutMs: 20 })).toMatchObject({
      stdout: 'done\n',
      ending: 'exit',
    });
    expect(await spawnRun('/bin/sh', ['-c', 'sleep 20; echo done'], { timeoutMs: 200 })).toMatchObject({
      ending: 'timeout',
    });
  });
});
