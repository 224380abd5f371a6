// Hostile names reach no path and no command: they are refused with the code of the spec, and nothing is executed or made.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { fail, readConflist, succeed, useSandbox, withNetns } from './fixture.ts';

const host = useSandbox();
const list = readConflist('10-flatnet.conflist');
const marker = (): string => join(host.sandbox.folder, 'executed');
const base = (netns: string) => ({ plugin: 'flatnet', verb: 'ADD', containerId: 'one', ifName: 'eth0', netns });
const config = (extra: Json = {}): Json => ({ ...list.plugins[0], name: list.name, cniVersion: '1.0.0', ...extra });

const names = (): string[] => [
  '../x',
  'a/b',
  '.',
  '..',
  '-h',
  '--help',
  'a;b',
  `a;touch ${marker()}`,
  `$(touch ${marker()})`,
  '`id`',
  'a b',
  'a\nb',
  'a\n',
  '"',
  "'",
  'x'.repeat(300) + '/',
  '\u0001',
  'é',
  '%s',
  '{x',
];

const expectRefusals = async (
  codes: readonly number[],
  call: (name: string, netns: string) => Parameters<typeof fail>[1],
): Promise<void> => {
  const { sandbox } = host;
  await withNetns(sandbox, ['one'], async ([netns]) => {
    const before = [await sandbox.must('ip', ['link']), await sandbox.must('nft', ['list', 'ruleset'])];
    for (const name of names()) {
      const error = await fail(sandbox, call(name, netns!));
      expect(codes, `${JSON.stringify(name)}: ${JSON.stringify(error)}`).toContain(error.code);
    }
    expect([await sandbox.must('ip', ['link']), await sandbox.must('nft', ['list', 'ruleset'])]).toEqual(before);
    expect(existsSync(marker())).toBe(false);
    expect(readdirSync(host.sandbox.folder)).toEqual([]);
  });
};

describe('hostile names', () => {
  it('as container id', () =>
    expectRefusals([4], (containerId, netns) => ({ ...base(netns), containerId, config: config() })));

  it('as interface name', () => expectRefusals([4], (ifName, netns) => ({ ...base(netns), ifName, config: config() })));

  it('as network name', () => expectRefusals([7], (name, netns) => ({ ...base(netns), config: config({ name }) })));

  it('as bridge', () => expectRefusals([7], (bridge, netns) => ({ ...base(netns), config: config({ bridge }) })));

  it('as ipam.type', () =>
    expectRefusals([7], (type, netns) => ({
      ...base(netns),
      config: config({ ipam: { type, subnet: '10.87.1.0/24' } }),
    })));

  it('as dataDir', () =>
    expectRefusals([5, 7], (dataDir, netns) => ({
      ...base(netns),
      config: config({ ipam: { ...(list.plugins[0]!['ipam'] as Json), dataDir } }),
    })));

  it('as CNI_ARGS, with an address that is none', () =>
    expectRefusals([4, 7], (name, netns) => ({ ...base(netns), args: `IP=${name}`, config: config() })));

  it.each(['all', 'default', 'lo', 'x'.repeat(16)])('interface name %s', async (ifName) => {
    await withNetns(host.sandbox, ['one'], async ([netns]) => {
      expect((await fail(host.sandbox, { ...base(netns!), ifName, config: config() })).code).toBe(4);
    });
  });

  it('a container id of 240 legal characters works', async () => {
    await withNetns(host.sandbox, ['one'], async ([netns]) => {
      const call = { ...base(netns!), containerId: 'c'.repeat(240), config: config() };
      await succeed(host.sandbox, call);
      await succeed(host.sandbox, { ...call, verb: 'DEL' });
    });
  });

  it.each([
    ['no JSON', '{', 6],
    ['an array', '[]', 6],
    ['too deep', '{"a":'.repeat(10_000), 6],
    ['too long', `{"x":"${'y'.repeat(2_000_000)}"}`, 6],
    ['an unknown version', '{"cniVersion":"9.9.9","name":"x","type":"flatnet"}', 1],
  ])('a configuration that is %s', async (_, text, code) => {
    await withNetns(host.sandbox, ['one'], async ([netns]) => {
      const error = await fail(host.sandbox, { ...base(netns!), config: text });
      expect([code, 7]).toContain(error.code);
    });
  });
});
