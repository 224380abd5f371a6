// The shaping plugin by itself, behind a hand-made prevResult: what it says for every verb, and what the kernel has then.
import type { Json } from '@flatnet/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import {
  buildShapingLab,
  callBandwidth,
  must,
  refused,
  removeShapingLab,
  resultOf,
  shapedState,
} from './shaping-lab.ts';

const host = useSandbox();
beforeAll(() => buildShapingLab(host.sandbox));
afterAll(() => removeShapingLab(host.sandbox));

const BOTH: Json = { ingressRate: 10e6, egressRate: 2e6 };
const interfacesOf = (result: Json) => result['interfaces'] as { name: string; mac?: string; sandbox?: string }[];
const state = () => shapedState(host.sandbox);
const tc = async (dev: string) => host.sandbox.must('tc', ['qdisc', 'show', 'dev', dev]);

describe('flatnet-bandwidth', () => {
  it('ADD limits both directions and names the ifb, CHECK agrees, DEL takes all away, twice', async () => {
    const { sandbox } = host;
    const before = await state();
    const added = await must(sandbox, 'ADD', { config: BOTH });
    const [, , ifb] = interfacesOf(added);
    expect(ifb).toEqual({
      name: expect.stringMatching(/^flq[0-9a-f]{12}$/) as string,
      mac: expect.any(String) as string,
    });
    expect(await tc('h1')).toContain('tbf f1a7: root refcnt');
    expect(await tc('h1')).toContain('rate 10Mbit burst 6250b');
    expect(await tc(ifb!.name)).toContain('rate 2Mbit');
    await must(sandbox, 'CHECK', { config: BOTH });
    await must(sandbox, 'STATUS');
    await must(sandbox, 'DEL');
    expect(await state()).toBe(before);
    await must(sandbox, 'DEL', { netns: '', prevResult: undefined });
  });

  it('without a limit prevResult passes through unchanged, and nothing is made', async () => {
    const before = await state();
    const prevResult = { ...resultOf(), 'example.org/unknown': { kept: true } };
    expect(await must(host.sandbox, 'ADD', { prevResult })).toEqual(prevResult);
    expect(await must(host.sandbox, 'ADD', { prevResult, config: { ingressRate: 0, egressRate: 0 } })).toEqual(
      prevResult,
    );
    await must(host.sandbox, 'CHECK', { prevResult });
    expect(await state()).toBe(before);
  });

  it("under the reference's name, with what a runtime passes on", async () => {
    const runtimeConfig = {
      bandwidth: { ingressRate: 1e6, ingressBurst: 2 ** 31 - 1, egressRate: 1e6, egressBurst: 2 ** 35 },
    };
    const path = `${host.sandbox.folder}/bin`;
    await host.sandbox.must('sh', [
      '-c',
      `mkdir -p ${path} && ln -sf ${process.cwd()}/dist/bin/flatnet ${path}/bandwidth`,
    ]);
    const call = { plugin: `${path}/bandwidth`, config: { type: 'bandwidth', runtimeConfig } };
    expect(interfacesOf(await must(host.sandbox, 'ADD', call))).toHaveLength(3);
    expect(await tc('h1')).toContain('rate 1Mbit burst 3028b');
    await must(host.sandbox, 'DEL', { plugin: `${path}/bandwidth` });
  });

  it('two interfaces of a container, and two networks, have limits of their own', async () => {
    const calls = [{}, { ifName: 'eth1' }, { network: 'other', ifName: 'eth1' }];
    const [first, second] = calls;
    await must(host.sandbox, 'ADD', { ...first, config: BOTH });
    await must(host.sandbox, 'ADD', { ...second, config: { egressRate: 5e6 } });
    await must(host.sandbox, 'CHECK', { ...first, config: BOTH });
    await must(host.sandbox, 'DEL', first);
    await must(host.sandbox, 'CHECK', { ...second, config: { egressRate: 5e6 } });
    expect((await refused(host.sandbox, 'CHECK', { ...first, config: BOTH })).code).toBe(102);
    await must(host.sandbox, 'DEL', second);
  });

  it('the last two attachments that go at the same time take the table with them', async () => {
    const before = await state();
    for (let times = 0; times < 8; times += 1) {
      const both = [{}, { ifName: 'eth1' }];
      await Promise.all(both.map((call) => must(host.sandbox, 'ADD', { ...call, config: BOTH })));
      await Promise.all(both.map((call) => must(host.sandbox, 'DEL', call)));
      expect(await state()).toBe(before);
    }
  });

  it('a repeated ADD changes the limits, one without limits ends them', async () => {
    const before = await state();
    await must(host.sandbox, 'ADD', { config: BOTH });
    await must(host.sandbox, 'ADD', { config: { egressRate: 3e6, unshapedSubnets: ['10.9.8.0/24', 'fd09:8::/64'] } });
    expect(await tc('h1')).not.toContain('tbf');
    expect(await host.sandbox.must('nft', ['list', 'ruleset'])).toContain('ip daddr 10.9.8.0/24 return');
    expect(interfacesOf(await must(host.sandbox, 'ADD'))).toHaveLength(2);
    expect(await state()).toBe(before);
  });

  it('GC ends what is not valid, without the list nothing; DEL with a configuration that is wrong by now succeeds', async () => {
    const before = await state();
    await must(host.sandbox, 'ADD', { config: BOTH });
    const made = await state();
    await must(host.sandbox, 'GC');
    const valid = { 'cni.dev/valid-attachments': [{ containerID: 'web', ifname: 'eth0' }] };
    await must(host.sandbox, 'GC', { config: valid });
    await must(host.sandbox, 'GC', { network: 'other', config: { 'cni.dev/valid-attachments': [] } });
    expect(await state()).toBe(made);
    await must(host.sandbox, 'GC', { config: { 'cni.dev/valid-attachments': [], ingressRate: 'wrong' } });
    expect(await state()).toBe(before);
    await must(host.sandbox, 'ADD', { config: BOTH });
    await must(host.sandbox, 'DEL', { config: { ingressRate: -1, egressBurst: 'x' } });
    expect(await state()).toBe(before);
  });

  it.each<[string, Json, Json | undefined, number, string]>([
    ['a burst without a rate', { ingressBurst: 5 }, resultOf(), 7, 'if burst is set, rate must also be set'],
    ['a text', { ingressRate: '10M' }, resultOf(), 7, 'ingressRate is "10M"'],
    [
      'a subnet with words behind',
      { egressRate: 1e6, unshapedSubnets: ['10.0.0.0/8; drop'] },
      resultOf(),
      7,
      'unshapedSubnets[0]',
    ],
    ['no prevResult', BOTH, undefined, 7, 'prevResult'],
    [
      'a host end that nobody named',
      BOTH,
      { ...resultOf(), interfaces: [] },
      7,
      'container interface eth0 has no veth peer',
    ],
    ['no such interface', BOTH, resultOf('eth9'), 7, 'eth9'],
  ])('%s is refused, and nothing is changed', async (_what, config, prevResult, code, words) => {
    const before = await state();
    const ifName = words === 'eth9' ? 'eth9' : 'eth0';
    const error = await refused(host.sandbox, 'ADD', { config, prevResult, ifName });
    expect(error.code).toBe(code);
    expect(`${error.msg}: ${error.details}`).toContain(words);
    expect(await state()).toBe(before);
  });

  it("a queue of another program's on the host end is refused and stays", async () => {
    await host.sandbox.must('tc', ['qdisc', 'add', 'dev', 'h1', 'root', 'handle', '9:', 'htb']);
    const before = await state();
    const error = await refused(host.sandbox, 'ADD', { config: BOTH });
    expect(error).toMatchObject({ code: 100, details: expect.stringContaining('h1 has a queue htb 9:') as string });
    await must(host.sandbox, 'DEL');
    expect(await state()).toBe(before);
    await host.sandbox.must('tc', ['qdisc', 'delete', 'dev', 'h1', 'root']);
  });

  it('killed at any call to the kernel, ADD and DEL leave no packet dropped, and the next DEL nothing', async () => {
    const before = await state();
    for (const verb of ['ADD', 'DEL']) {
      for (let call = 1; call <= 40; call += 1) {
        if (verb === 'DEL') await must(host.sandbox, 'ADD', { config: BOTH });
        const kill = `inject=sendto:signal=KILL:when=${call}`;
        const under = ['strace', '-f', '-qq', '-o', `${host.sandbox.folder}/trace`, '-e', 'trace=sendto', '-e', kill];
        const { exitCode } = await callBandwidth(host.sandbox, verb, { config: BOTH, under });
        const ping = await host.sandbox.inNetns('c1', 'ping', ['-c', '1', '-W', '2', '10.9.8.2']);
        expect(ping.exitCode, `${verb} killed at ${call}: ${ping.stdout}`).toBe(0);
        await must(host.sandbox, 'DEL');
        expect(await state(), `${verb} killed at ${call}`).toBe(before);
        if (exitCode === 0) break;
      }
    }
  });
});
