import { describe, expect, it } from 'vitest';
import { dispatch, Trace } from '../src/index.ts';
import { noting, ENV, CONF, call } from './noting.ts';

describe('verbs', () => {
  it.each([
    ['{"cniVersion":"0.4.0"}', '0.4.0'],
    ['{"CNIVersion":"1.0.0","name":"net"}', '1.0.0'],
    ['{"cniVersion":"9.0.0"}', '1.1.0'],
    ['{"cniVersion":4}', '1.1.0'],
    ['garbage', '1.1.0'],
    ['null', '1.1.0'],
  ])('answers VERSION to %s in %s', async (input, cniVersion) => {
    expect((await call({ CNI_COMMAND: 'VERSION' }, input)).json).toMatchObject({ cniVersion });
  });
  it('answers VERSION without loading the plugin', async () => {
    const { exitCode, json, plugin } = await call({ CNI_COMMAND: 'VERSION', CNI_PATH: undefined }, '');
    expect(exitCode).toBe(0);
    expect(json).toEqual({
      cniVersion: '1.1.0',
      supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
    });
    expect(plugin.loads()).toBe(0);
  });
  it('prints the result of ADD in the version asked for', async () => {
    const { json } = await call({}, { ...CONF, cniVersion: '0.4.0' });
    expect(json).toEqual({ cniVersion: '0.4.0', ips: [{ version: '4', address: '10.0.0.2/24' }], routes: [] });
  });
  it.each(['DEL', 'CHECK', 'GC', 'STATUS'])('prints nothing for %s', async (verb) => {
    expect(await call({ CNI_COMMAND: verb })).toMatchObject({ exitCode: 0, json: undefined });
  });
  it.each([
    ['CHECK', '0.3.1'],
    ['GC', '1.0.0'],
    ['STATUS', '1.0.0'],
  ])('refuses %s in %s', async (verb, cniVersion) => {
    expect((await call({ CNI_COMMAND: verb }, { ...CONF, cniVersion })).json).toMatchObject({ code: 1, cniVersion });
  });
  it.each(['add', 'FOO', ' ADD'])('refuses the command %j', async (command) => {
    expect((await call({ CNI_COMMAND: command })).json).toMatchObject({ code: 4 });
  });
  it('refuses a missing command', async () => {
    expect((await call({ CNI_COMMAND: undefined })).json).toMatchObject({ code: 4 });
  });
});

it('puts the words of a plugin into the log line', async () => {
  const trace = new Trace('noting');
  const plugin = noting({ status: async (request) => request.note('96 % used') });
  const invocation = { env: { ...ENV, CNI_COMMAND: 'STATUS' }, stdin: Buffer.from(JSON.stringify(CONF)) };
  await dispatch(plugin.entry, invocation, trace);
  expect(JSON.parse(trace.toLine(new Date()))).toMatchObject({ outcome: 'ok', note: '96 % used' });
});

describe('environment', () => {
  it('names all missing variables at once, in the order of the reference', async () => {
    const { json } = await call({ CNI_CONTAINERID: '', CNI_NETNS: undefined, CNI_IFNAME: '', CNI_PATH: '' });
    expect(json.msg).toBe('required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing');
  });
  it('DEL does without a netns', async () => {
    const { seen } = await call({ CNI_COMMAND: 'DEL', CNI_NETNS: '' });
    expect(seen[0]).not.toHaveProperty('netns');
  });
  it('refuses its own network namespace before the plugin is loaded', async () => {
    const { json, plugin } = await call({ CNI_NETNS_OVERRIDE: undefined });
    expect(json).toMatchObject({ code: 8 });
    expect(plugin.loads()).toBe(0);
  });
  it.each(['/no/such/netns', '/etc/passwd', 'proc/self/ns/net', '/etc/passwd/x', `/${'x'.repeat(300)}`])(
    'refuses %s as network namespace of a plugin that enters it',
    async (path) => {
      for (const command of ['ADD', 'CHECK']) {
        const env = { CNI_NETNS: path, CNI_COMMAND: command };
        expect((await call(env, CONF, noting({}, true))).json).toMatchObject({ code: 8 });
        expect((await call(env)).exitCode).toBe(0);
      }
      expect((await call({ CNI_NETNS: path, CNI_COMMAND: 'DEL' }, CONF, noting({}, true))).exitCode).toBe(0);
    },
  );
  it('takes only absolute directories of CNI_PATH', async () => {
    expect((await call({})).seen[0]?.['cniPath']).toEqual(['/opt/cni/bin']);
  });
  it('refuses an unknown CNI_ARGS key in ADD, not in DEL', async () => {
    expect((await call({ CNI_ARGS: 'FOO=1' })).json).toMatchObject({ code: 4 });
    expect((await call({ CNI_ARGS: 'FOO=1', CNI_COMMAND: 'DEL' })).exitCode).toBe(0);
  });
});

describe('DEL validates names only', () => {
  const del = (env: Record<string, string | undefined>, conf: unknown = CONF) =>
    call({ CNI_COMMAND: 'DEL', ...env }, conf, noting({}, true));
  it('works with a CNI_NETNS that is our own by now, and hides it from delegates', async () => {
    const { exitCode, seen } = await del({ CNI_NETNS_OVERRIDE: undefined });
    expect(exitCode).toBe(0);
    expect(seen[0]).not.toHaveProperty('netns');
    expect(seen[0]).toMatchObject({ invocation: { env: { CNI_NETNS: '', CNI_CONTAINERID: 'c1' } } });
  });
  it.each([
    { CNI_PATH: undefined },
    { CNI_PATH: 'relative' },
    { CNI_NETNS: '/proc/self/ns/mnt' },
    { CNI_NETNS: 'relative' },
    { CNI_ARGS: 'garbage' },
    { CNI_ARGS: ';;=;' },
  ])('works with %j', async (env) => {
    expect((await del(env)).seen).toHaveLength(1);
  });
  it.each([
    { cniVersion: '99.0.0' },
    { cniVersion: 7 },
    { prevResult: 'x' },
    { prevResult: { cniVersion: '99.0.0', ips: 3 } },
    { runtimeConfig: [] },
    { logFile: 5 },
    { logFile: '/proc/none/log' },
  ])('works with %j', async (more) => {
    expect((await del({}, { ...CONF, ...more })).seen).toHaveLength(1);
  });
  it.each([{ CNI_CONTAINERID: '../x' }, { CNI_IFNAME: 'a/b' }, { CNI_CONTAINERID: '' }])('refuses %j', async (env) => {
    expect(await del(env)).toMatchObject({ json: { code: 4 }, seen: [] });
  });
});

describe('stdin', () => {
  it.each([
    ['nothing', ''],
    ['a torn document', '{"name"'],
    ['a list', '[]'],
    ['10,000 levels', `{"name":"x","a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['1 MiB and more', JSON.stringify({ ...CONF, pad: 'x'.repeat(1024 * 1024) })],
  ])('refuses %s with code 6', async (_, text) => {
    expect((await call({}, text)).json).toMatchObject({ code: 6 });
  });
  it('does not count brackets in strings', async () => {
    expect((await call({}, { ...CONF, pad: `\\"${'['.repeat(1000)}` })).exitCode).toBe(0);
  });
  it.each([undefined, '', '../x', 'a/b', '-h', 'a\n', 'x'.repeat(256)])('refuses the network name %j', async (name) => {
    expect((await call({}, { ...CONF, name })).json).toMatchObject({ code: 7 });
  });
  it.each(['1.2.0', 'x', 2])('refuses the version %j', async (cniVersion) => {
    expect((await call({}, { ...CONF, cniVersion })).json).toMatchObject({ code: 1 });
  });
  it('reads an absent version as 0.1.0 and keys in any case', async () => {
    const { json } = await call({}, { NAME: 'net' });
    expect(json.cniVersion).toBe('0.1.0');
  });
  it('DEL ignores a prevResult that cannot be read, CHECK does not', async () => {
    const conf = { ...CONF, prevResult: { ips: 'x' } };
    expect((await call({ CNI_COMMAND: 'DEL' }, conf)).seen[0]).not.toHaveProperty('prevResult');
    expect((await call({ CNI_COMMAND: 'CHECK' }, conf)).json).toMatchObject({ code: 7 });
  });
  it('tells an absent list of valid attachments from an empty one', async () => {
    const key = 'cni.dev/valid-attachments';
    expect((await call({ CNI_COMMAND: 'GC' })).seen[0]).not.toHaveProperty('validAttachments');
    expect((await call({ CNI_COMMAND: 'GC' }, { ...CONF, [key]: [] })).seen[0]?.['validAttachments']).toEqual([]);
    const list = [{ containerID: 'a', ifname: 'eth0' }];
    expect((await call({ CNI_COMMAND: 'GC' }, { ...CONF, [key]: list })).seen[0]?.['validAttachments']).toEqual([
      { containerId: 'a', ifName: 'eth0' },
    ]);
    expect(
      (await call({ CNI_COMMAND: 'GC' }, { ...CONF, [key]: [{ containerID: '../x', ifname: 'e' }] })).json.code,
    ).toBe(7);
  });
});
