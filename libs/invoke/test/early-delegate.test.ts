import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BaseRequest } from '@flatnet/skel';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delegateVerb, startDelegate, type EarlyDelegate } from '../src/index.ts';

let directory: string;
const file = (name: string): string => join(directory, name);
const STDIN = '{"cniVersion":"1.0.0","name":"net"}';
/** The stdin of the process under test: a pipe whose writer has ended. */
const holder = spawn('/bin/sh', ['-c', ': | sleep 600'], { stdio: 'ignore', detached: true });
afterAll(() => void process.kill(-holder.pid!, 'SIGKILL'));
const reusableStdin = async (): Promise<string> => {
  for (let tries = 0; tries < 1000; tries++, await sleep(10)) {
    const [pid] = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim().split(' ').slice(-1);
    const stdin = `/proc/${pid}/fd/0`;
    if (pid && existsSync(stdin) && readlinkSync(stdin).startsWith('pipe:[')) return stdin;
  }
  throw new Error('there is no pipe');
};
const invocation = { env: { CNI_COMMAND: 'DEL', PATH: '/bin:/usr/bin' }, stdin: Buffer.from(STDIN) };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flatnet-early-'));
  // Like every CNI plugin: stdin to its end, then the work.
  writeFileSync(
    file('ipam'),
    `#!/bin/sh\necho $$ >> ${file('started')}\nline=$(cat)\necho "$CNI_COMMAND $line" >> ${file('asked')}\n`,
  );
  chmodSync(file('ipam'), 0o755);
});
afterEach(() => rmSync(directory, { recursive: true }));

const start = async (): Promise<EarlyDelegate> => {
  const given = { ...invocation, reusableStdin: await reusableStdin() };
  const early = startDelegate('ipam', 'DEL', given, [directory], () => true)!;
  await untilItReads();
  return early;
};
/** Waits until the plugin, or the `cat` that it started, sleeps in the kernel's read of its stdin. */
async function untilItReads(): Promise<void> {
  for (let tries = 0; tries < 1000; tries++, await sleep(10)) {
    if (!existsSync(file('started'))) continue;
    const pid = readFileSync(file('started'), 'utf8').trim();
    const children = pid === '' ? '' : readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    if (children !== '' && readFileSync(`/proc/${children}/wchan`, 'latin1').endsWith('pipe_read')) return;
  }
  throw new Error('it does not read its stdin');
}
const request = (early: EarlyDelegate): BaseRequest<unknown> => ({
  ...{ verb: 'DEL', cniVersion: '1.0.0', network: 'net', config: {}, args: new Map(), cniPath: [directory] },
  ...{ invocation, signal: new AbortController().signal, early },
  phase: async (_, work) => work(),
  note: () => undefined,
});
const starts = (): number => readFileSync(file('started'), 'utf8').trim().split('\n').length;

describe('a delegate that was started early', () => {
  it('does nothing before it is called, and answers then without a second start', async () => {
    const early = await start();
    expect(existsSync(file('asked'))).toBe(false);
    await delegateVerb('DEL', 'ipam', request(early));
    expect(readFileSync(file('asked'), 'utf8')).toBe(`DEL ${STDIN}\n`);
    expect(starts()).toBe(1);
  });
  it('answers once: a second call, another verb or another plugin is a new start', async () => {
    const early = await start();
    await delegateVerb('CHECK', 'ipam', request(early));
    await delegateVerb('DEL', 'ipam', request(early));
    await delegateVerb('DEL', 'ipam', request(early));
    expect(readFileSync(file('asked'), 'utf8')).toBe(`CHECK ${STDIN}\nDEL ${STDIN}\nDEL ${STDIN}\n`);
    expect(starts()).toBe(3);
  });
  it('is killed when it is not needed', async () => {
    const early = await start();
    const pid = readFileSync(file('started'), 'utf8').trim();
    early.kill();
    for (let tries = 0; tries < 1000 && existsSync(`/proc/${pid}`); tries++) await sleep(10);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(file('asked'))).toBe(false);
  });
  it.each(['../ipam', '-x', 'missing', ''])('type %j is left to the call', (type) => {
    expect(startDelegate(type, 'DEL', invocation, [directory], () => true)).toBeUndefined();
  });
  it('is not started when it is not our own image: it might work without a configuration', async () => {
    expect(startDelegate('ipam', 'DEL', { ...invocation, reusableStdin: await reusableStdin() }, [directory])).toBe(
      undefined,
    );
    expect(existsSync(file('started'))).toBe(false);
  });
});
