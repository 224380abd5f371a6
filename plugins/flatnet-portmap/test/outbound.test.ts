import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AddResult } from '@flatnet/cni';
import { Records } from '@flatnet/hostport';
import type { Nft } from '@flatnet/kernel';
import { FakeKernel, FakeNft, nftRefusal } from '@flatnet/kernel/testing';
import { Rollback, type AddRequest } from '@flatnet/skel';
import { decodeConfig, type PortmapConfig } from '../src/config.ts';
import { pluginWith } from '../src/plugin.ts';
import { decodeRaw } from '../src/schema.ts';

let folder: string;
let nft: FakeNft;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outbound-'));
  nft = new FakeNft();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const pluginOver = (given: Nft = nft) => {
  const proc = { exists: () => false, read: () => undefined, list: () => [], write: () => undefined };
  return pluginWith({
    kernel: () => Object.assign(new FakeKernel(), { nft: given, proc }),
    records: () => new Records(folder, 'boot.1'),
  });
};

const one = { containerId: 'one', ifName: 'eth0' };
const two = { containerId: 'two', ifName: 'eth0' };
const request = (extra: object, attachment = one, address = '10.9.0.2/24'): AddRequest<PortmapConfig> => {
  const prevResult: AddResult = {
    interfaces: [{ name: 'eth0', sandbox: '/proc/self/ns/net' }],
    ips: [{ address, interface: 0 }],
    routes: [],
    dns: {},
  };
  return {
    ...{ verb: 'ADD', cniVersion: '1.0.0', network: 'net', attachment, prevResult, netns: '/proc/self/ns/net' },
    ...{ args: new Map(), cniPath: [], invocation: { env: {}, stdin: new Uint8Array() } },
    config: decodeConfig({ ...extra, prevResult }, 'ADD', decodeRaw),
    ...{ signal: new AbortController().signal, phase: async (_name, work) => work(), note: () => undefined },
  };
};
const IP_MASQ = { ipMasq: true };
const files = () =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    : [];

it.each([
  ['as ADD had it', IP_MASQ],
  ['without ipMasq', {}],
])('the masquerade of an attachment goes with its DEL, with a configuration %s', async (_, extra) => {
  const plugin = pluginOver();
  await plugin.add(request(IP_MASQ), new Rollback());
  await plugin.add(request(IP_MASQ, two, '10.9.0.3/24'), new Rollback());
  expect(nft.contents).toContain('inet flatnet map outbound4 2');
  await plugin.del({ ...request(extra), verb: 'DEL' });
  expect(nft.contents).toContain('inet flatnet map outbound4 1');
  await plugin.del({ ...request(extra, two, '10.9.0.3/24'), verb: 'DEL' });
  expect(nft.contents).toEqual([]);
  expect(files()).toEqual([]);
});

it('a refused ADD takes its masquerade along', async () => {
  const rollback = new Rollback();
  nft = new FakeNft((words) => {
    if (words.includes('"create":{"chain"')) throw nftRefusal('failed', 'Operation not permitted');
  });
  await expect(pluginOver().add(request(IP_MASQ), rollback)).rejects.toThrow('Operation not permitted');
  expect(await rollback.run()).toEqual([]);
  expect(nft.contents).toEqual([]);
  expect(files()).toEqual([]);
});

it('GC takes the masquerade of attachments that are not valid, though all records are lost', async () => {
  const plugin = pluginOver();
  await plugin.add(request(IP_MASQ), new Rollback());
  await plugin.add(request(IP_MASQ, two, '10.9.0.3/24'), new Rollback());
  rmSync(folder, { recursive: true, force: true });
  await plugin.gc({ ...request({}), verb: 'GC', validAttachments: [two] });
  expect(nft.contents).toContain('inet flatnet map outbound4 1');
  await plugin.gc({ ...request({}), verb: 'GC', validAttachments: [] });
  expect(nft.contents).toEqual([]);
});

it('CHECK names what is missing, and what the configuration does not ask for', async () => {
  const plugin = pluginOver();
  await plugin.add(request(IP_MASQ), new Rollback());
  await plugin.check({ ...request(IP_MASQ), verb: 'CHECK' });
  await expect(plugin.check({ ...request({}), verb: 'CHECK' })).rejects.toMatchObject({
    code: 102,
    details: expect.stringContaining('which is not asked for') as string,
  });
  nft.flush();
  await expect(plugin.check({ ...request(IP_MASQ), verb: 'CHECK' })).rejects.toMatchObject({
    details: expect.stringContaining('table inet flatnet') as string,
  });
});
