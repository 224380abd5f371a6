// The tuning plugin by itself, behind a hand-made prevResult: what it says for every verb, and what the interface has then.
import type { Json } from '@flatnet/testing';
import { describe, expect, it, beforeAll, afterAll } from 'vitest';
import { useSandbox } from './fixture.ts';
import {
  buildShapingLab,
  must as mustCall,
  refused as refusedCall,
  removeShapingLab,
  resultOf,
} from './shaping-lab.ts';
import type { ShapingCall } from './shaping-lab.ts';

const host = useSandbox();
beforeAll(() => buildShapingLab(host.sandbox));
afterAll(() => removeShapingLab(host.sandbox));

const PLUGIN = { plugin: 'flatnet-tuning' } as const;
const must = (verb: string, call: ShapingCall = {}) => mustCall(host.sandbox, verb, { ...PLUGIN, ...call });
const refused = (verb: string, call: ShapingCall = {}) => refusedCall(host.sandbox, verb, { ...PLUGIN, ...call });
const inside = async (line: string): Promise<string> => {
  const result = await host.sandbox.inNetns('c1', 'sh', ['-c', line]);
  return result.stdout.trim();
};
const state = () => inside('ip -o link; sysctl net.ipv4.conf.eth0.arp_notify net.core.somaxconn');
const ALL: Json = {
  ...{ mac: '02:00:00:00:00:77', mtu: 1400, promisc: true, allmulti: true, txQLen: 77 },
  sysctl: { 'net.ipv4.conf.IFNAME.arp_notify': '1', 'net/core/somaxconn': '777' },
};

describe('flatnet-tuning', () => {
  it('ADD sets all and tells the MAC, CHECK agrees, DEL puts the interface back, twice', async () => {
    const before = await inside('ip -o link');
    const added = await must('ADD', { config: ALL });
    expect(added['interfaces']).toEqual([
      { name: 'h1' },
      { name: 'eth0', mac: '02:00:00:00:00:77', sandbox: '/run/netns/c1' },
    ]);
    expect(await inside('ip -o link show eth0')).toMatch(/ALLMULTI,PROMISC.* mtu 1400 .*qlen 77.*02:00:00:00:00:77/);
    expect(await inside('sysctl -n net.ipv4.conf.eth0.arp_notify net.core.somaxconn')).toBe('1\n777');
    expect(await host.sandbox.must('sysctl', ['-n', 'net.core.somaxconn'])).not.toBe('777\n');
    await must('CHECK', { config: ALL });
    await must('ADD', { config: { ...ALL, mtu: 1300 } });
    await must('DEL', { prevResult: undefined, netns: '', config: { mtu: 'wrong' } });
    expect(await inside('ip -o link')).toBe(before);
    await must('DEL', { prevResult: undefined });
    await inside('sysctl -qw net.ipv4.conf.eth0.arp_notify=0');
  });

  it('nothing to set: prevResult passes through unchanged, also with the MAC that the interface has', async () => {
    const [own] = JSON.parse(await inside('ip -j link show eth0')) as { address: string }[];
    const mac = own!.address;
    const prevResult = { ...resultOf(), interfaces: [{ name: 'h1' }, { name: 'eth0', mac, sandbox: '/run/netns/c1' }] };
    expect(await must('ADD', { prevResult })).toEqual(prevResult);
    expect(await must('ADD', { prevResult, env: { CNI_ARGS: `IgnoreUnknown=1;MAC=${mac}` } })).toEqual(prevResult);
    await must('STATUS');
  });

  it.each<[string, Json]>([
    ['MTU', { mtu: 1399 }],
    ['MAC', { mac: '02:00:00:00:00:78' }],
    ['sysctl', { sysctl: { 'net.ipv4.conf.IFNAME.arp_notify': '1' } }],
  ])('CHECK notices another %s', async (_what, config) => {
    expect((await refused('CHECK', { config })).code).toBe(102);
  });

  it('GC puts back what is not valid any more, and without a list nothing', async () => {
    const before = await inside('ip -o link');
    await must('ADD', { config: { mtu: 1400 } });
    await must('GC');
    expect(await inside('ip -o link')).not.toBe(before);
    await must('GC', { config: { 'cni.dev/valid-attachments': [] } });
    expect(await inside('ip -o link')).toBe(before);
  });

  it.each<[string, Json, number]>([
    ["a setting of the host's", { sysctl: { 'kernel.hostname': 'x' } }, 7],
    ['a setting that is not there', { mtu: 1400, sysctl: { 'net.ipv4.none': '1' } }, 7],
    ['a value that the kernel refuses', { mtu: 1400, sysctl: { 'net.ipv4.conf.IFNAME.arp_notify': 'x' } }, 5],
    ['an MTU that the interface cannot have', { mtu: 10, sysctl: { 'net.ipv4.conf.IFNAME.arp_notify': '1' } }, 5],
    ['a MAC of a group', { mac: '01:00:00:00:00:01' }, 7],
  ])('%s is refused, and nothing is changed', async (_what, config, code) => {
    const before = await state();
    expect((await refused('ADD', { config })).code).toBe(code);
    expect(await state()).toBe(before);
  });

  it('a value that is another by now, and an interface that is another, are left alone', async () => {
    const { sandbox } = host;
    const rebuild = 'ip link delete hx; ip link add hx type veth peer name eth5 netns c1';
    const call = { ifName: 'eth5', prevResult: resultOf('eth5', 'hx') };
    await sandbox.run('sh', ['-c', rebuild]);
    await must('ADD', { ...call, config: { mtu: 1400, txQLen: 77 } });
    await inside('ip link set eth5 mtu 1350');
    await must('DEL', call);
    expect(await inside('ip -o link show eth5')).toMatch(/mtu 1350 .*qlen 1000/);
    await must('ADD', { ...call, config: { mtu: 1400 } });
    await sandbox.run('sh', ['-c', rebuild]);
    await inside('ip link set eth5 mtu 1400');
    await must('DEL', call);
    expect(await inside('ip -o link show eth5')).toContain('mtu 1400');
    await sandbox.must('ip', ['link', 'delete', 'hx']);
  });
});
