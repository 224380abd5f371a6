import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BaseRequest } from '@flatnet/skel';
import { delegateAdd, delegateVerb, findPlugin } from '../src/index.ts';
import { delegateEnv } from '../src/early-delegate.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'flatnet-invoke-'))));
afterEach(() => rmSync(directory, { recursive: true }));

/** A real little plugin on CNI_PATH. */
function plugin(name: string, script: string): void {
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
}

const STDIN = '{"cniVersion":"1.0.0",  "name":"net"}';
const request = (): BaseRequest<unknown> => ({
  verb: 'ADD',
  cniVersion: '1.0.0',
  network: 'net',
  config: {},
  args: new Map(),
  cniPath: ['/no/such/directory', directory],
  invocation: { env: { CNI_COMMAND: 'ADD', CNI_ARGS: 'A=b', PATH: '/bin:/usr/bin' }, stdin: Buffer.from(STDIN) },
  signal: new AbortController().signal,
  phase: async (_, work) => work(),
  note: () => undefined,
});

describe('delegate', () => {
  it('hands over the untouched stdin and the environment, and answers addresses only', async () => {
    plugin(
      'good',
      `cat > ${directory}/stdin; env > ${directory}/env
       echo '{"cniVersion":"1.0.0","interfaces":[{"name":"x"}],"ips":[{"address":"10.0.0.2/24"}]}'`,
    );
    expect(await delegateAdd('good', request())).toEqual({ ips: [{ address: '10.0.0.2/24' }], routes: [], dns: {} });
    expect(readFileSync(join(directory, 'stdin'), 'utf8')).toBe(STDIN);
    const env = readFileSync(join(directory, 'env'), 'utf8');
    expect(env).toContain('CNI_ARGS=A=b\n');
    expect(env).toContain(`FLATNET_PPID=${process.pid}\n`);
    expect(env).not.toContain('BUN_JSC_');
  });
  it('tunes the runtime of its own image, under whatever name, and of no other', () => {
    const own = join(directory, 'own');
    symlinkSync(process.execPath, own);
    expect(delegateEnv(own, request().invocation, 'ADD')).toHaveProperty('BUN_JSC_useWarmUpMarkedBlocks', '0');
    plugin('other', 'true');
    for (const name of ['other', 'none']) {
      const env = delegateEnv(join(directory, name), request().invocation, 'ADD');
      expect(Object.keys(env).filter((key) => key.startsWith('BUN_'))).toEqual([]);
    }
  });
  it('sets the verb', async () => {
    plugin('verb', `echo $CNI_COMMAND > ${directory}/verb`);
    await delegateVerb('DEL', 'verb', request());
    expect(readFileSync(join(directory, 'verb'), 'utf8')).toBe('DEL\n');
  });
  it('throws the delegate’s own error', async () => {
    plugin('bad', `echo '{"code":101,"msg":"full","details":"all of it"}'; exit 1`);
    await expect(delegateAdd('bad', request())).rejects.toMatchObject({
      code: 101,
      message: 'full',
      details: 'all of it',
    });
  });
  it('passes on what it writes to stderr, not the repetition of its error', async () => {
    const heard: string[] = [];
    const base = request();
    const hearing = { ...base, invocation: { ...base.invocation, stderr: (text: string) => void heard.push(text) } };
    plugin('warns', 'echo a warning >&2');
    await delegateVerb('CHECK', 'warns', hearing);
    plugin('fails', `echo look here >&2; e='{"code":101,"msg":"full"}'; echo $e; echo $e >&2; exit 1`);
    await expect(delegateVerb('CHECK', 'fails', hearing)).rejects.toMatchObject({ code: 101 });
    expect(heard).toEqual(['a warning\n', 'look here\n']);
  });
  it.each([
    ['garbage', 'echo hello', 6],
    ['silence', 'true', 6],
    ['a crash', 'echo oops >&2; kill -SEGV $$', 5],
    ['an exit code', 'echo oops >&2; exit 7', 5],
    ['10 MB', 'head -c 10000000 /dev/zero', 5],
  ])('refuses %s', async (_, script, code) => {
    plugin('odd', script);
    await expect(delegateAdd('odd', request())).rejects.toMatchObject({ code });
  });
  it('is cut short by an abort', async () => {
    plugin('slow', 'exec sleep 30');
    const signal = AbortSignal.timeout(50);
    await expect(delegateAdd('slow', request(), { signal })).rejects.toMatchObject({ code: 11 });
  });
});

describe('findPlugin', () => {
  it.each(['../x', '/bin/sh', 'a/b', '.', '..', '', '-x', 'a\n', '.hidden', 'a b', 'x'.repeat(200)])(
    'refuses the type %j',
    (type) => {
      expect(() => findPlugin(type, ['/bin'])).toThrow(/invalid plugin type/);
    },
  );
  it('wants an executable regular file', () => {
    writeFileSync(join(directory, 'plain'), '');
    symlinkSync('/', join(directory, 'folder'));
    expect(() => findPlugin('plain', [directory])).toThrow(/failed to find plugin "plain"/);
    expect(() => findPlugin('folder', [directory])).toThrow(/failed to find plugin/);
  });
});
