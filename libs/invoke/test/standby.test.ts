import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BaseRequest } from '@flatnet/skel';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delegateVerb, standBy, type Standby } from '../src/index.ts';

let directory: string;
const file = (name: string): string => join(directory, name);
const STDIN = '{"cniVersion":"1.0.0","name":"net"}';
/** The stdin of the process under test: a pipe whose writer has ended. */
const holder = spawn('/bin/sh', ['-c', ': | sleep 600'], { stdio: 'ignore', detached: true });
afterAll(() => void process.kill(-holder.pid!, 'SIGKILL'));
const drainedStdin = async (): Promise<string> => {
  for (let tries = 0; tries < 1000; tries++, await sleep(10)) {
    const [pid] = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim().split(' ').slice(-1);
    const stdin = `/proc/${pid}/fd/0`;
    if (pid && existsSync(stdin) && readlinkSync(stdin).startsWith('pipe:[')) return stdin;
  }
  throw new Error('there is no pipe');
};
const invocation = { env: { CNI_COMMAND: 'DEL', PATH: '/bin:/usr/bin' }, stdin: Buffer.from(STDIN) };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flatnet-standby-'));
  // Like every CNI plugin: stdin to its end, then the work.
  writeFileSync(
    file('ipam'),
    `#!/bin/sh\necho $$ >> ${file('started')}\nline=$(cat)\necho "$CNI_COMMAND $line" >> ${file('asked')}\n`,
  );
  chmodSync(file('ipam'), 0o755);
});
afterEach(() => rmSync(directory, { recursive: true }));

const start = async (): Promise<Standby> => {
  const standby = standBy('ipam', 'DEL', { ...invocation, drainedStdin: await drainedStdin() }, [directory])!;
  for (let tries = 0; tries < 1000 && !existsSync(file('started')); tries++) await sleep(10);
  return standby;
};
const request = (prepared: Standby): BaseRequest<unknown> => ({
  ...{ verb: 'DEL', cniVersion: '1.0.0', network: 'net', config: {}, args: new Map(), cniPath: [directory] },
  ...{ invocation, signal: new AbortController().signal, prepared },
  phase: (_, work) => work(),
  note: () => undefined,
});
const starts = (): number => readFileSync(file('started'), 'utf8').trim().split('\n').length;

describe('a delegate on standby', () => {
  it('does nothing before it is asked, and answers then without a second start', async () => {
    const standby = await start();
    expect(existsSync(file('asked'))).toBe(false);
    await delegateVerb('DEL', 'ipam', request(standby));
    expect(readFileSync(file('asked'), 'utf8')).toBe(`DEL ${STDIN}\n`);
    expect(starts()).toBe(1);
  });
  it('answers once: a second question, another verb or another plugin is a new start', async () => {
    const standby = await start();
    await delegateVerb('CHECK', 'ipam', request(standby));
    await delegateVerb('DEL', 'ipam', request(standby));
    await delegateVerb('DEL', 'ipam', request(standby));
    expect(readFileSync(file('asked'), 'utf8')).toBe(`CHECK ${STDIN}\nDEL ${STDIN}\nDEL ${STDIN}\n`);
    expect(starts()).toBe(3);
  });
  it('is killed when it is not needed', async () => {
    const standby = await start();
    const pid = readFileSync(file('started'), 'utf8').trim();
    standby.drop();
    for (let tries = 0; tries < 1000 && existsSync(`/proc/${pid}`); tries++) await sleep(10);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(file('asked'))).toBe(false);
  });
  it.each(['../ipam', '-x', 'missing', ''])('type %j is left to whoever asks for it', (type) => {
    expect(standBy(type, 'DEL', invocation, [directory])).toBeUndefined();
  });
});
