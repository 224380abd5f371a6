// The port plugin by itself, behind a hand-made prevResult: what it says for every verb.
import type { Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { fail, succeed, useSandbox, withNetns } from './fixture.ts';

const host = useSandbox();
const prevResult = (netns: string): Json => ({
  cniVersion: '1.1.0',
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: netns }],
  ips: [{ address: '10.8.0.2/24', gateway: '10.8.0.1', interface: 0 }],
  routes: [],
  dns: {},
  'example.org/unknown': { kept: true },
});
const config = (mappings: readonly Json[], extra: Json = {}): Json => ({
  cniVersion: '1.1.0',
  name: 'ports',
  type: 'flatnet-portmap',
  runtimeConfig: { portMappings: mappings },
  ...extra,
});
const web: Json = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const call = (verb: string, netns: string, mappings: readonly Json[], extra: Json = {}) => ({
  plugin: 'flatnet-portmap',
  verb,
  config: config(mappings, extra),
  containerId: 'one',
  ifName: 'eth0',
  netns,
});
const ruleset = (): Promise<string> => host.sandbox.must('nft', ['list', 'ruleset']);

describe('flatnet-portmap, alone', () => {
  it('ADD publishes and passes prevResult through, CHECK agrees, DEL takes it back', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      const previous = prevResult(netns!);
      expect(await succeed(sandbox, call('ADD', netns!, [web], { prevResult: previous }))).toEqual(previous);
      expect(await ruleset()).toContain('10.8.0.2');
      await succeed(sandbox, call('CHECK', netns!, [web], { prevResult: previous }));
      await succeed(sandbox, call('DEL', netns!, [web], { prevResult: previous }));
      expect(await ruleset()).not.toContain('10.8.0.2');
      await fail(sandbox, call('CHECK', netns!, [web], { prevResult: previous }));
    });
  });

  it('DEL without prevResult or mappings takes back what is published', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      await succeed(sandbox, call('ADD', netns!, [web], { prevResult: prevResult(netns!) }));
      await succeed(sandbox, { ...call('DEL', '', []), config: config([], { runtimeConfig: undefined }) });
      expect(await ruleset()).not.toContain('10.8.0.2');
    });
  });

  it('DEL and ADD cope with a ruleset that somebody flushed, and CHECK tells', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      const previous = { prevResult: prevResult(netns!) };
      await succeed(sandbox, call('ADD', netns!, [web], previous));
      await sandbox.must('nft', ['flush', 'ruleset']);
      await fail(sandbox, call('CHECK', netns!, [web], previous));
      await succeed(sandbox, call('DEL', netns!, [web], previous));
      await succeed(sandbox, call('ADD', netns!, [web], previous));
      await succeed(sandbox, call('DEL', netns!, [web], previous));
    });
  });

  it.each([
    { ...web, hostPort: 0 },
    { ...web, hostPort: 65536 },
    { ...web, containerPort: -1 },
    { ...web, protocol: 'tcp;x' },
    { ...web, hostIP: '1.2.3.4; flush ruleset' },
  ])('refuses the mapping %j before anything is changed', async (mapping) => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      const before = await ruleset();
      const error = await fail(sandbox, call('ADD', netns!, [mapping], { prevResult: prevResult(netns!) }));
      expect(error.code).toBe(7);
      expect(await ruleset()).toBe(before);
    });
  });

  it('must be called as a chained plugin', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      expect((await fail(sandbox, call('ADD', netns!, [web]))).msg).toContain('chained');
    });
  });

  it('GC frees the ports of attachments that are not valid; STATUS answers', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['one'], async ([netns]) => {
      await succeed(sandbox, call('ADD', netns!, [web], { prevResult: prevResult(netns!) }));
      await succeed(sandbox, { plugin: 'flatnet-portmap', verb: 'STATUS', config: config([]) });
      const gc = config([], { 'cni.dev/valid-attachments': [] });
      await succeed(sandbox, { plugin: 'flatnet-portmap', verb: 'GC', config: gc });
      expect(await ruleset()).not.toContain('10.8.0.2');
    });
  });
});
