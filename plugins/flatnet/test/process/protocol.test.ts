/** What the built plugin makes of odd callers: a deadline that everything exceeds, DEL with stale words, delegates that refuse CHECK. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { join } from 'node:path';
import { BIN } from '@flatnet/testing';
import { network, openHost, type Host } from './host.ts';

let host: Host;
beforeAll(async () => {
  host = await openHost();
  await host.sandbox.addNetns('c1');
  await host.settle();
}, 60_000);
afterAll(() => host?.sandbox.close());

/** The reference's host-local, which does `line` first. */
const delegate = (line: string) => {
  host.script('bin', 'stub', `${line}; exec /usr/lib/cni/host-local`);
  const config = network(host, 3);
  return { ...config, ipam: { ...(config['ipam'] as object), type: 'stub' } };
};

/** Each answer of the kernel is lost: the socket's own time, 5 s, runs out. */
const MUTE = ['recvfrom:error=EAGAIN:delay_enter=5000000', 'recvmsg:error=EAGAIN:delay_enter=5000000'];

it('an ADD whose kernel answers nothing, nor its undo, ends within 30 s', async () => {
  const calls = ['-e', 'trace=recvfrom,recvmsg', ...MUTE.flatMap((fault) => ['-e', `inject=${fault}`])];
  const begin = performance.now();
  const under = ['strace', '-qq', '-o', '/dev/null', ...calls];
  const answer = await host.call('ADD', 'c1', network(host, 1), { under });
  expect(performance.now() - begin).toBeLessThan(30_000);
  expect(answer.json).toMatchObject({ code: 11 });
  expect(await host.call('DEL', 'c1', network(host, 1))).toMatchObject({ exitCode: 0, stdout: '' });
  expect(await host.remains()).toEqual([]);
}, 90_000);

it('CHECK hands on the code of a delegate that alone finds fault, and its words on stderr', async () => {
  const refusal = `{"cniVersion":"1.0.0","code":142,"msg":"no"}`;
  const config = delegate(`if [ $CNI_COMMAND = CHECK ]; then echo a warning >&2; echo '${refusal}'; exit 1; fi`);
  const added = await host.call('ADD', 'c1', config);
  expect(added, added.stdout).toMatchObject({ exitCode: 0 });
  const checked = await host.call('CHECK', 'c1', { ...config, prevResult: added.json! });
  expect(checked.json).toMatchObject({ code: 142, msg: 'no' });
  expect(checked.stderr).toContain('a warning\n');
  expect((await host.call('CHECK', 'c1', config)).json).toMatchObject({ code: 7, msg: 'missing prevResult' });
  expect(await host.call('DEL', 'c1', config)).toMatchObject({ exitCode: 0, stdout: '' });
}, 60_000);

it.each([
  ['the namespace of the host, whose process got the PID', { netns: '/proc/self/ns/net' }],
  ['no CNI_PATH that leads anywhere', { path: ['relative'] }],
  ['a namespace of another kind', { netns: '/proc/self/ns/mnt' }],
  ['garbage in CNI_ARGS', { args: 'garbage' }],
])(
  'DEL works with %s',
  async (_, stale) => {
    // host-local would refuse such words itself.
    const ipam = { type: 'flatnet-ipam', subnet: '10.60.2.0/24', dataDir: join(host.sandbox.folder, 'leases') };
    const config = network(host, 2, { ipam });
    const ours = { path: [BIN], plugin: join(BIN, 'flatnet') };
    const added = await host.call('ADD', 'c1', config, ours);
    expect(added, added.stdout).toMatchObject({ exitCode: 0 });
    const garbage = { prevResult: 'x', runtimeConfig: [], vlan: -1, dns: 7, cniVersion: '9.0.0' };
    const answer = await host.call('DEL', 'c1', { ...config, ...garbage }, { ...ours, ...stale });
    expect(await host.sandbox.must('ip', ['link', 'show', 'type', 'veth'])).toBe('');
    // A delegate that cannot be found is told of when all else is gone.
    if ('path' in stale) expect(answer.json).toMatchObject({ code: 7, msg: expect.stringContaining('flatnet-ipam') });
    else expect(answer, answer.stdout).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await host.call('DEL', 'c1', config, ours)).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await host.remains()).toEqual([]);
  },
  60_000,
);
