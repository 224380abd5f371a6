import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseIp } from '@flatnet/addressing';
import { attachmentHash, macOf } from '@flatnet/cni';
import { FakeKernel } from '@flatnet/kernel/testing';
import { isBeingCalled } from '../src/chain/calls.ts';
import { hostEndOf, lifeOf, namespaceAt, type Life, type Witness } from '../src/chain/life.ts';
import { decodeNetwork } from '../src/conflist/model.ts';
import { findingsOf } from '../src/ipam/findings.ts';
import { isSame } from '../src/ipam/free.ts';
import type { Survey, Trace } from '../src/ipam/survey.ts';
import { wantedRules } from '../src/rules/wanted.ts';

const attachment = { containerId: 'c1', ifName: 'eth0' };
const here = '/proc/self/ns/net';
const nothing: ReadonlySet<string> = new Set();

describe('whether a container lives', () => {
  const witness = { network: 'web', attachment };

  test.each<[string, Witness, ReadonlySet<string>, Life]>([
    ['its namespace is there', { ...witness, netns: here }, nothing, 'alive'],
    ['the same namespace', { ...witness, netns: here, netnsId: namespaceAt(here) ?? '' }, nothing, 'alive'],
    ["another container's namespace by now", { ...witness, netns: here, netnsId: '1:2' }, nothing, 'gone'],
    [
      'no such path, which ADD could not see either',
      { ...witness, netns: '/nowhere', netnsId: '' },
      nothing,
      'unknown',
    ],
    ['no such path, of a namespace that was noted', { ...witness, netns: '/nowhere', netnsId: '1:2' }, nothing, 'gone'],
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

/** A kernel without a namespace of a container: all is recorded. */
const nothingThere = (): FakeKernel => new FakeKernel();
const why = expect.stringMatching(/: restart the container$/) as string;
const rulesOf = async (parts: Partial<Trace>, flatnet: object, kernel = nothingThere()) => {
  const [wanted] = await wantedRules(kernel, surveyOf(parts, flatnet));
  return { ...wanted?.rules, unknown: wanted?.unknown };
};

describe('masquerades that living containers need', () => {
  const in25 = { addresses: ['10.0.0.5'], subnets: ['10.0.0.0/25'] };
  const in24 = { addresses: ['10.0.0.5'], subnets: ['10.0.0.0/24'] };

  test.each<[string, Partial<Trace>, object, object | undefined]>([
    ['by the result', { lease, cached }, {}, in25],
    ['by the lease', { lease }, {}, in24],
    ['none of the dead', { lease, life: 'gone' }, {}, undefined],
    ['none that flatnet did not connect', { lease, linked: false }, {}, undefined],
    ['as configured', { lease }, { ipMasq: true }, in24],
    ['not configured', { lease }, { isGateway: true }, undefined],
    ['switched off', { lease }, { ipMasq: false }, undefined],
    ['no way out', { lease }, { internal: true }, undefined],
  ])('%s', async (_, parts, flatnet, masquerade) => {
    expect((await rulesOf(parts, flatnet)).masquerade).toEqual(masquerade);
  });

  test('nothing tells the addresses', async () => {
    expect(await rulesOf({}, {})).toMatchObject({ unknown: { masquerade: why } });
  });
});

describe('guards that connected containers need', () => {
  const mac = '02:11:22:33:44:55';
  const withMac = {
    ...cached,
    result: { ...cached.result, interfaces: [{ name: 'br' }, { name: 'eth0', sandbox: '/x', mac: mac.toUpperCase() }] },
  };
  const derived = macOf(attachmentHash('web', attachment).slice(12));
  /** What the container's namespace shows. */
  const shows = (address: string): FakeKernel => {
    const kernel = new FakeKernel();
    kernel.rtnetlink.add('/x', 'eth0', 'veth', { mac: address });
    return kernel;
  };
  const own = { mac, addresses: ['10.0.0.5'] };

  test.each<[string, Partial<Trace>, object, FakeKernel, object | undefined]>([
    ['by the result', { cached: withMac }, {}, nothingThere(), own],
    ['for the MAC alone', { cached: withMac }, { antiSpoof: false, macspoofchk: true }, nothingThere(), { mac }],
    ['without IPAM', { cached: withMac }, { ipam: {} }, nothingThere(), { mac }],
    ['by the lease', { lease, netns: '/x' }, {}, shows(derived), { mac: derived, addresses: ['10.0.0.5'] }],
    ['as Go reads keys', { cached: withMac }, { antiSpoof: null, ANTISPOOF: true }, nothingThere(), own],
    ['not asked for', { cached: withMac }, { antiSpoof: false }, nothingThere(), undefined],
  ])('%s', async (_, parts, flatnet, kernel, wanted) => {
    expect((await rulesOf(parts, { antiSpoof: true, ...flatnet }, kernel)).antiSpoof).toEqual(wanted);
  });

  test.each<[string, Partial<Trace>, FakeKernel]>([
    ['not as the container says', { lease, netns: '/x' }, shows(mac)],
    ['nothing tells the addresses', { netns: '/x' }, shows(derived)],
    ['nothing tells the MAC', { lease }, nothingThere()],
  ])('unknown: %s', async (_, parts, kernel) => {
    const rules = await rulesOf(parts, { antiSpoof: true }, kernel);
    expect(rules).toMatchObject({ unknown: { guard: why } });
    expect(rules).not.toHaveProperty('antiSpoof');
  });
});

describe('clamped segment sizes that connected containers need', () => {
  test.each<[string, Partial<Trace>, object, readonly string[] | undefined]>([
    ['by the result', { lease, cached }, { clampMSS: true }, ['10.0.0.5']],
    ['by the lease', { lease }, { clampMSS: true }, ['10.0.0.5']],
    ['nothing tells the addresses', {}, { clampMSS: true }, undefined],
    ['not connected by us', { lease, linked: false }, { clampMSS: true }, undefined],
    ['not asked for', { lease }, {}, undefined],
  ])('%s', async (_, parts, flatnet, clamped) => {
    expect((await rulesOf(parts, flatnet)).clamped).toEqual(clamped);
  });
});

test('the masquerade of flatnet-portmap behind another main plugin is told by the result', async () => {
  const survey = surveyOf({ cached, linked: false });
  const [subject] = survey.subjects;
  const plugins = [{ type: 'bridge' }, { type: 'flatnet-portmap', ipMasq: true, snatAddress: '192.0.2.7' }];
  const network = decodeNetwork({ name: 'web', plugins }, 'test');
  const file = { path: '', text: '', network };
  const [wanted] = await wantedRules(nothingThere(), { ...survey, subjects: [{ ...subject!, file }] });
  expect(wanted?.rules).toMatchObject({
    owner: { maker: 'flatnet-portmap' },
    masquerade: { addresses: ['10.0.0.5'], subnets: ['10.0.0.0/25'], snat4: '192.0.2.7' },
  });
});
