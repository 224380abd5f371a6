import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseIp } from '@flatnet/addressing';
import { attachmentHash, macOf, networkHash } from '@flatnet/cni';
import type { Run } from '@flatnet/exec';
import { isBeingCalled } from '../src/chain/calls.ts';
import { hostEndOf, lifeOf, namespaceAt, type Life, type Witness } from '../src/chain/life.ts';
import { decodeNetwork } from '../src/conflist/model.ts';
import { findingsOf } from '../src/ipam/findings.ts';
import { isSame } from '../src/ipam/free.ts';
import type { Survey, Trace } from '../src/ipam/survey.ts';
import { wantedClamps } from '../src/rules/clamps.ts';
import { guardedPort, guardedTraces } from '../src/rules/guards.ts';
import { wantedMasquerades } from '../src/rules/masquerade.ts';

const attachment = { containerId: 'c1', ifName: 'eth0' };
const here = '/proc/self/ns/net';
const nothing: ReadonlySet<string> = new Set();

describe('whether a container lives', () => {
  const witness = { network: 'web', attachment };

  test.each<[string, Witness, ReadonlySet<string>, Life]>([
    ['its namespace is there', { ...witness, netns: here }, nothing, 'alive'],
    ['the same namespace', { ...witness, netns: here, netnsId: namespaceAt(here) ?? '' }, nothing, 'alive'],
    ["another container's namespace by now", { ...witness, netns: here, netnsId: '1:2' }, nothing, 'gone'],
    ['no such path', { ...witness, netns: '/nowhere' }, nothing, 'gone'],
    ['a path that is no namespace', { ...witness, netns: '/etc/passwd' }, nothing, 'unknown'],
    ['a path that cannot be looked at', { ...witness, netns: '/etc/passwd/x' }, nothing, 'unknown'],
    ['no path', witness, nothing, 'unknown'],
    ['no such path, but its link', { ...witness, netns: '/nowhere' }, new Set([hostEndOf('web', attachment)]), 'alive'],
    ['another plugin, its link', { ...witness, netns: '/nowhere', hostEnds: ['veth1'] }, new Set(['veth1']), 'alive'],
    ['the link of another container', { ...witness, netns: '/nowhere' }, new Set(['fl000000000000']), 'gone'],
  ])('%s', (_, given, links, life) => {
    expect(lifeOf(given, links)).toBe(life);
  });

  test('a plugin at work for exactly this attachment', () => {
    const proc = mkdtempSync(join(tmpdir(), 'proc-'));
    onTestFinished(() => rmSync(proc, { recursive: true }));
    mkdirSync(join(proc, '12'));
    writeFileSync(join(proc, '12/environ'), ['CNI_COMMAND=ADD', 'CNI_CONTAINERID=c1', 'CNI_IFNAME=eth0'].join('\0'));
    mkdirSync(join(proc, 'self'));
    symlinkSync('/nonexistent', join(proc, '13'));
    expect(isBeingCalled(attachment, proc)).toBe(true);
    expect(isBeingCalled({ ...attachment, ifName: 'eth1' }, proc)).toBe(false);
    expect(isBeingCalled({ ...attachment, containerId: 'c' }, proc)).toBe(false);
  });
});

const config = (flatnet: object) =>
  decodeNetwork(
    {
      name: 'web',
      plugins: [{ type: 'flatnet', ipam: { type: 'flatnet-ipam', subnet: '10.0.0.0/24' }, ...flatnet }],
    },
    'test',
  );
const lease = {
  ...{ network: 'web', attachment, ips: [parseIp('10.0.0.5')], netns: '/x', creator: '' },
  since: '2026-01-02T03:04:05Z',
};
const trace = (parts: Partial<Trace>): Trace => ({
  ...{ network: 'web', attachment, mark: attachmentHash('web', attachment), life: 'alive', linked: true },
  ...parts,
});
const surveyOf = (parts: Partial<Trace>, flatnet: object = {}): Survey => ({
  cniPath: [],
  subjects: [
    { name: 'web', file: { path: '', text: '', network: config(flatnet) }, storeFolder: '/x', isLeased: true },
  ],
  traces: [trace(parts)],
  unreadable: [],
  orphans: [],
});
const cached = {
  ...{ network: 'web', ...attachment, config: '', cniArgs: [], capabilityArgs: {} },
  result: {
    interfaces: [{ name: 'br' }, { name: 'eth0', sandbox: '/x' }],
    ips: [{ address: '10.0.0.5/25', interface: 1 }],
  },
};

describe('what does not fit together', () => {
  test.each<[string, Partial<Trace>, readonly string[]]>([
    ['all is well', { lease, cached }, []],
    ['a dead one', { life: 'gone', linked: false, lease, cached }, ['dead-attachment']],
    ['nothing tells', { life: 'unknown', linked: false, lease }, ['unknown-owner']],
    ['no link', { lease, cached, linked: false }, ['link-missing']],
    ['no lease', { cached }, ['lease-missing']],
    ['no address', { lease, cached, inside: ['127.0.0.1'] }, ['address-missing']],
    ['the address', { lease, cached, inside: ['127.0.0.1', '10.0.0.5'] }, []],
    ['no record', { lease }, ['unrecorded']],
  ])('%s', (_, parts, kinds) => {
    const found = findingsOf(surveyOf(parts));
    expect(found.map(({ kind }) => kind)).toEqual(kinds);
    expect(found.every(({ gc, kind }) => gc === (kind === 'dead-attachment'))).toBe(true);
  });

  test('a report means the lease that it saw, not a later one', () => {
    const [before] = findingsOf(surveyOf({ life: 'gone', linked: false, lease }));
    const [after] = findingsOf(surveyOf({ life: 'gone', linked: false, lease: { ...lease, since: 'later' } }));
    if (before === undefined || after === undefined) throw new Error('no finding');
    expect(isSame(before, before)).toBe(true);
    expect(isSame(before, after)).toBe(false);
  });
});

describe('masquerades that living containers need', () => {
  const one = (subnets: readonly string[]) => [{ network: 'web', masquerade: { tag: networkHash('web'), subnets } }];

  test.each<[string, Partial<Trace>, object, readonly object[]]>([
    ['by the result', { lease, cached }, {}, one(['10.0.0.0/25'])],
    ['by the lease', { lease }, {}, one(['10.0.0.0/24'])],
    ['none of the dead', { lease, life: 'gone' }, {}, []],
    ['as configured', { lease }, { ipMasq: true }, one(['10.0.0.0/24'])],
    ['not configured', { lease }, { isGateway: true }, []],
    ['switched off', { lease }, { ipMasq: false }, []],
    ['no way out', { lease }, { internal: true }, []],
  ])('%s', (_, parts, flatnet, wanted) => {
    expect(wantedMasquerades(surveyOf(parts, flatnet))).toEqual(wanted);
  });
});

describe('guards that connected containers need', () => {
  const mac = '02:11:22:33:44:55';
  const port = { tag: networkHash('web'), hostVeth: hostEndOf('web', attachment) };
  const withMac = {
    ...cached,
    result: { ...cached.result, interfaces: [{ name: 'br' }, { name: 'eth0', sandbox: '/x', mac: mac.toUpperCase() }] },
  };
  const derived = macOf(attachmentHash('web', attachment).slice(12));
  /** `ip` in the container's namespace. */
  const shows =
    (address: string): Run =>
    () =>
      Promise.resolve({ exitCode: 0, stdout: JSON.stringify([{ address }]), stderr: '', ending: 'exit' });
  const nobodyAsks: Run = () => Promise.reject(new Error('it is recorded'));
  const why = expect.stringMatching(/: restart the container$/) as string;

  test.each<[string, Partial<Trace>, object, Run, readonly object[]]>([
    ['by the result', { cached: withMac }, {}, nobodyAsks, [{ ...port, containerMac: mac, addresses: ['10.0.0.5'] }]],
    [
      'for the MAC alone',
      { cached: withMac },
      { antiSpoof: false, macspoofchk: true },
      nobodyAsks,
      [{ ...port, containerMac: mac }],
    ],
    ['without IPAM', { cached: withMac }, { ipam: {} }, nobodyAsks, [{ ...port, containerMac: mac }]],
    [
      'by the lease',
      { lease, netns: '/x' },
      {},
      shows(derived),
      [{ ...port, containerMac: derived, addresses: ['10.0.0.5'] }],
    ],
    ['not as the container says', { lease, netns: '/x' }, {}, shows(mac), [{ why }]],
    ['nothing tells the addresses', { netns: '/x' }, {}, shows(derived), [{ why }]],
    ['nothing tells the MAC', { lease }, {}, nobodyAsks, [{ why }]],
    [
      'as Go reads keys',
      { cached: withMac },
      { antiSpoof: null, ANTISPOOF: true },
      nobodyAsks,
      [{ ...port, containerMac: mac, addresses: ['10.0.0.5'] }],
    ],
    ['not asked for', { cached: withMac }, { antiSpoof: false }, nobodyAsks, []],
    ['not connected by us', { cached: withMac, linked: false }, {}, nobodyAsks, []],
  ])('%s', async (_, parts, flatnet, run, wanted) => {
    const guarded = guardedTraces(surveyOf(parts, { antiSpoof: true, ...flatnet }));
    expect(await Promise.all(guarded.map((each) => guardedPort(run, each)))).toEqual(wanted);
  });
});

describe('clamped segment sizes that connected containers need', () => {
  test.each<[string, Partial<Trace>, object, readonly [string, readonly string[]][]]>([
    ['by the result', { lease, cached }, { clampMSS: true }, [['web', ['10.0.0.0/25']]]],
    ['by the lease', { lease }, { clampMSS: true }, [['web', ['10.0.0.0/24']]]],
    ['nothing tells the subnets', {}, { clampMSS: true }, []],
    ['not connected by us', { lease, linked: false }, { clampMSS: true }, []],
    ['not asked for', { lease }, {}, []],
  ])('%s', (_, parts, flatnet, wanted) => {
    expect([...wantedClamps(surveyOf(parts, flatnet))]).toEqual(wanted);
  });
});
