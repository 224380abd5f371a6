// The main plugin by itself, with its delegate: every verb, called as a runtime calls it.
import { callPlugin, type Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import {
  addressesIn,
  errorOf,
  expectPing,
  fail,
  ipsOf,
  readConflist,
  succeed,
  useSandbox,
  withNetns,
} from './fixture.ts';

const host = useSandbox();
const list = readConflist('10-flatnet.conflist');
const config = (extra: Json = {}): Json => ({ ...list.plugins[0], name: list.name, cniVersion: '1.1.0', ...extra });
const call = (verb: string, netns: string, extra: Json = {}) => ({
  plugin: 'flatnet',
  verb,
  config: config(extra),
  containerId: 'one',
  ifName: 'eth0',
  netns,
});

describe('flatnet, alone with the short configuration', () => {
  it('ADD makes a working network, CHECK agrees, DEL leaves nothing', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      const prevResult = await succeed(sandbox, call('ADD', netns!));
      expect(await addressesIn(sandbox, 'one', 'eth0')).toEqual(ipsOf(prevResult));
      await expectPing(sandbox, 'one', '10.87.1.1');
      const routes = await sandbox.must('ip', ['-n', 'one', 'route', 'show', 'default']);
      expect(routes).toContain('via 10.87.1.1 dev eth0');
      expect(await sandbox.must('cat', ['/proc/sys/net/ipv4/ip_forward'])).toBe('1\n');
      await succeed(sandbox, call('CHECK', netns!, { prevResult }));
      await succeed(sandbox, call('DEL', netns!, { prevResult }));
      expect((await sandbox.run('ip', ['-n', 'one', 'link', 'show', 'dev', 'eth0'])).exitCode).not.toBe(0);
    });
  });

  it('CHECK names what differs', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      const prevResult = await succeed(sandbox, call('ADD', netns!));
      const [address] = ipsOf(prevResult);
      await sandbox.must('ip', ['-n', 'one', 'address', 'del', address!, 'dev', 'eth0']);
      const error = await fail(sandbox, call('CHECK', netns!, { prevResult }));
      expect(`${error.msg} ${error['details'] as string}`).toContain(address!.replace('/24', ''));
      await succeed(sandbox, call('DEL', netns!, { prevResult }));
    });
  });

  it('a second ADD is refused and leaves the first as it was', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      await succeed(sandbox, call('ADD', netns!));
      const before = await addressesIn(sandbox, 'one', 'eth0');
      await fail(sandbox, call('ADD', netns!));
      expect(await addressesIn(sandbox, 'one', 'eth0')).toEqual(before);
      await expectPing(sandbox, 'one', '10.87.1.1');
      await succeed(sandbox, call('DEL', netns!));
    });
  });

  it('DEL succeeds with the namespace gone, twice, and for what was never added', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      await succeed(sandbox, call('ADD', netns!));
    });
    await succeed(sandbox, call('DEL', '/run/netns/one'));
    await succeed(sandbox, call('DEL', '/run/netns/one'));
    await succeed(sandbox, { ...call('DEL', ''), containerId: 'never' });
  });

  it('GC removes the attachments that are not valid, and only those', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one', 'two'], async ([one, two]) => {
      await succeed(sandbox, call('ADD', one!));
      await succeed(sandbox, { ...call('ADD', two!), containerId: 'two' });
      const valid = [{ containerID: 'two', ifname: 'eth0' }];
      await succeed(sandbox, { plugin: 'flatnet', verb: 'GC', config: config({ 'cni.dev/valid-attachments': valid }) });
      expect((await sandbox.run('ip', ['-n', 'one', 'link', 'show', 'dev', 'eth0'])).exitCode).not.toBe(0);
      await expectPing(sandbox, 'two', '10.87.1.1');
      await succeed(sandbox, { ...call('DEL', two!), containerId: 'two' });
    });
  });

  it('STATUS and VERSION answer', async () => {
    const { sandbox } = host;
    await succeed(sandbox, { plugin: 'flatnet', verb: 'STATUS', config: config() });
    const version = await succeed(sandbox, { plugin: 'flatnet', verb: 'VERSION', config: { cniVersion: '1.0.0' } });
    expect(version['supportedVersions']).toEqual(['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']);
  });

  it('an ADD whose delegate is missing leaves nothing', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      const error = await fail(sandbox, call('ADD', netns!, { ipam: { type: 'no-such-ipam' } }));
      expect(JSON.stringify(error)).toContain('no-such-ipam');
    });
  });

  // Needs a machine to itself (npm run test:system).
  const crowded = process.env['FLATNET_SYSTEM'] === '1' ? it : () => undefined;
  crowded('fifty containers at once get fifty addresses and one bridge', { timeout: 120_000 }, async () => {
    const { sandbox } = host;
    const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
    await withNetns(sandbox, names, async (paths) => {
      const calls = names.map((containerId, index) => ({ ...call('ADD', paths[index]!), containerId }));
      const answers = await Promise.all(calls.map((each) => callPlugin(sandbox, each)));
      const failed = answers.filter(({ exitCode }) => exitCode !== 0).map(errorOf);
      expect(failed).toEqual([]);
      expect(new Set(answers.flatMap(({ json }) => ipsOf(json!))).size).toBe(50);
      await Promise.all(calls.map((each) => succeed(sandbox, { ...each, verb: 'DEL' })));
    });
  });
});
