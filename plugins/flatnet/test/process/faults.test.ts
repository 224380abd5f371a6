/** The built plugin above a kernel that refuses, and beside delegates that fail, hang, babble or die: nothing is left, and DEL always succeeds. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { join } from 'node:path';
import { network, openHost, type Host } from './host.ts';

let host: Host;
beforeAll(async () => {
  host = await openHost();
  await host.sandbox.addNetns('c1');
  await host.settle();
}, 60_000);
afterAll(() => host?.sandbox.close());

/** Makes the k-th message to the kernel fail, or each. */
const refusing = (error: string, k?: number): readonly string[] => {
  const when = k === undefined ? '' : `:when=${k}`;
  return ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=sendto', '-e', `inject=sendto:error=${error}${when}`];
};

it.each(['EPERM', 'ENOMEM', 'ENOBUFS'])(
  'a kernel that answers %s to any message of ADD: nothing is left',
  async (error) => {
    for (let k = 1; ; k++) {
      const answer = await host.call('ADD', 'c1', network(host, 1), { under: refusing(error, k) });
      if (answer.exitCode !== 0) {
        expect(answer.json, `message ${k}: ${answer.stdout}`).toMatchObject({
          code: expect.any(Number),
          msg: expect.any(String),
        });
        expect(await host.remains(), `message ${k}`).toEqual([]);
      }
      expect(await host.call('DEL', 'c1', network(host, 1)), `message ${k}`).toMatchObject({ exitCode: 0, stdout: '' });
      expect(await host.remains(), `message ${k}`).toEqual([]);
      if (answer.exitCode !== 0) continue;
      expect(k).toBeGreaterThan(8);
      break;
    }
  },
  240_000,
);

it('a kernel that answers no message of DEL: it says so, and the next one removes everything', async () => {
  expect(await host.call('ADD', 'c1', network(host, 1))).toMatchObject({ exitCode: 0 });
  const refused = await host.call('DEL', 'c1', network(host, 1), { under: refusing('EPERM') });
  expect(refused.json).toMatchObject({ code: expect.any(Number), msg: expect.any(String) });
  expect(await host.call('DEL', 'c1', network(host, 1))).toMatchObject({ exitCode: 0 });
  expect(await host.remains()).toEqual([]);
}, 60_000);

const DELEGATES = {
  'prints garbage': 'echo garbage',
  'prints nothing': 'exit 0',
  'answers without addresses': 'echo "{\\"cniVersion\\":\\"1.0.0\\",\\"ips\\":[]}"',
  'answers an address that is none':
    'echo "{\\"cniVersion\\":\\"1.0.0\\",\\"ips\\":[{\\"address\\":\\"1.2.3.4; up\\"}]}"',
  'prints 10 MB': 'head -c 10000000 /dev/zero',
  'kills itself': 'kill -9 $$',
  'refuses with its own error': 'echo "{\\"cniVersion\\":\\"1.0.0\\",\\"code\\":142,\\"msg\\":\\"no\\"}"; exit 1',
};

it.each(Object.entries(DELEGATES))(
  'a delegate that %s: its DEL is called, nothing is left',
  async (_, behaviour) => {
    const marks = join(host.sandbox.folder, 'asked');
    await host.sandbox.run('rm', ['-f', marks]);
    host.script(
      'bin',
      'stub',
      `cat >/dev/null; echo $CNI_COMMAND >> ${marks}; if [ $CNI_COMMAND = ADD ]; then ${behaviour}; fi`,
    );
    const answer = await host.call('ADD', 'c1', { ...network(host, 1), ipam: { type: 'stub' } });
    expect(answer, answer.stdout).toMatchObject({ exitCode: 1, json: { code: expect.any(Number) } });
    expect((await host.sandbox.must('cat', [marks])).split('\n').filter(Boolean)).toEqual(['ADD', 'DEL']);
    expect(await host.remains()).toEqual([]);
  },
  60_000,
);

it('a delegate that hangs is killed after 20 s, its DEL is called, and other containers are not held up meanwhile', async () => {
  await host.sandbox.addNetns('c2');
  const marks = join(host.sandbox.folder, 'asked');
  await host.sandbox.run('rm', ['-f', marks]);
  const hang = 'if [ $CNI_COMMAND = ADD ]; then exec sleep 1000; fi';
  host.script('bin', 'stuck', `cat >/dev/null; echo $CNI_COMMAND >> ${marks}; ${hang}`);
  let hasEnded = false;
  const stuck = host.call('ADD', 'c1', { ...network(host, 1), ipam: { type: 'stuck' } });
  void stuck.finally(() => (hasEnded = true));
  expect((await host.call('ADD', 'c2', network(host, 1))).exitCode).toBe(0);
  expect((await host.call('DEL', 'c2', network(host, 1))).exitCode).toBe(0);
  expect(hasEnded).toBe(false);
  expect((await stuck).json).toMatchObject({ code: 11, details: expect.stringContaining('20 seconds') });
  expect((await host.sandbox.must('cat', [marks])).split('\n').filter(Boolean)).toEqual(['ADD', 'DEL']);
  await host.sandbox.deleteNetns('c2');
  expect(await host.remains()).toEqual([]);
}, 90_000);

it.each(['../x', '/bin/sh', 'a/b', '-x', '.'])(
  'ipam.type %j executes nothing',
  async (type) => {
    const answer = await host.call('ADD', 'c1', { ...network(host, 1), ipam: { type } });
    expect(answer.json).toMatchObject({ code: 7 });
    expect(await host.remains()).toEqual([]);
  },
  60_000,
);
