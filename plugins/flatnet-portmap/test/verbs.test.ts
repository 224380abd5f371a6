// The verbs over a fake nft: what is sent, what is left when something fails.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddResult } from '@flatnet/cni';
import { Records } from '@flatnet/hostport';
import { Rollback, type AddRequest } from '@flatnet/skel';
import fc from 'fast-check';
import type { Nft, NftObject } from '@flatnet/kernel';
import { FakeKernel, scriptedNft } from '@flatnet/kernel/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { decodeConfig, type PortmapConfig } from '../src/config.ts';
import { decodeRaw } from '../src/schema.ts';
import { ownerOf } from '@flatnet/cni';
import { pluginWith } from '../src/plugin.ts';

const RESULT: AddResult = {
  interfaces: [{ name: 'eth0', sandbox: '/proc/self/ns/net' }],
  ips: [{ address: '10.9.0.2/24', interface: 0 }],
  routes: [],
  dns: {},
};

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'portmap-test-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const world = (nft: Nft) => {
  const proc = { exists: () => false, read: () => undefined, list: () => [], write: () => undefined };
  const records = new Records(folder, 'boot.1');
  return {
    records,
    plugin: pluginWith({
      kernel: () => Object.assign(new FakeKernel(), { nft, proc }),
      records: () => records,
    }),
  };
};

const request = (portMappings: readonly unknown[], extra: object = {}): AddRequest<PortmapConfig> => ({
  verb: 'ADD',
  cniVersion: '1.0.0',
  network: 'net',
  config: decodeConfig({ runtimeConfig: { portMappings }, ...extra }, 'ADD', decodeRaw),
  args: new Map(),
  cniPath: [],
  invocation: { env: {}, stdin: new Uint8Array() },
  signal: new AbortController().signal,
  phase: async (_name, work) => work(),
  note: () => undefined,
  attachment: { containerId: 'one', ifName: 'eth0' },
  netns: '/proc/self/ns/net',
  prevResult: RESULT,
});
const WEB = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const everyFile = () =>
  existsSync(folder) ? readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.json')) : [];

it('ADD is one transaction, answers with prevResult itself, and DEL removes what the record says', async () => {
  const fake = scriptedNft();
  const { plugin } = world(fake);
  expect(await plugin.add(request([WEB]), new Rollback())).toBe(RESULT);
  expect(fake.sent).toHaveLength(1);
  expect(fake.sent[0]).toContain('"create":{"element"');
  expect(everyFile()).toHaveLength(1);
  await plugin.del({ ...request([]), verb: 'DEL' });
  expect(fake.sent[1]).toContain('"delete":{"element"');
  expect(everyFile()).toHaveLength(0);
});

it('ADD starts nothing when there is nothing to publish; DEL asks the kernel whether a record was lost', async () => {
  const fake = scriptedNft();
  const { plugin } = world(fake);
  await plugin.add(request([]), new Rollback());
  expect(fake.sent).toEqual([]);
  await plugin.del({ ...request([]), verb: 'DEL' });
  const [outbound, ...listed] = fake.sent.toReversed();
  expect(listed).toEqual(['list table inet flatnet_hostport', 'list table inet flatnet_hostport']);
  expect(outbound).toMatch(/^list chain inet flatnet out_/);
});

it('a repeated ADD sends the difference', async () => {
  const fake = scriptedNft();
  const { plugin } = world(fake);
  await plugin.add(request([WEB]), new Rollback());
  await plugin.add(request([WEB, { ...WEB, hostPort: 8081 }]), new Rollback());
  const created = (JSON.parse(fake.sent[1]!) as object[]).filter((command) => 'create' in command);
  expect(JSON.stringify(created)).toContain('8081');
  expect(JSON.stringify(created)).not.toContain('8080');
});

it('builds the base when nft answers that something is missing', async () => {
  const fake = scriptedNft((index) => (index === 0 ? 'No such file or directory' : undefined));
  const { plugin } = world(fake);
  await plugin.add(request([WEB]), new Rollback());
  expect(fake.sent).toHaveLength(3);
  expect(fake.sent[1]).toContain('"name":"any4"');
  expect(fake.sent[1]).not.toContain('"flush":{"chain":{"family":"inet","table":"flatnet_hostport","name":"admin"');
});

it.each([0, 1, 2])('whatever call %i of ADD fails with, nothing is left and the first error wins', async (step) => {
  const fake = scriptedNft((index) => {
    if (index === step) return 'Operation not permitted';
    return index < 1 ? 'No such file or directory' : undefined;
  });
  const { plugin } = world(fake);
  const rollback = new Rollback();
  await expect(plugin.add(request([WEB]), rollback)).rejects.toThrow('Operation not permitted');
  expect(await rollback.run()).toEqual([]);
  expect(everyFile()).toEqual([]);
  expect(fake.sent.at(-1)).toMatch(/"delete":|list table/);
});

const heldBy = (owner: ReturnType<typeof ownerOf>): readonly NftObject[] => {
  const comment = `flatnet ${owner.networkHash} ${owner.hash}`;
  const element = [{ elem: { val: { concat: ['tcp', 8080] }, comment } }, { concat: ['10.8.0.9', 80] }];
  return [{ map: { name: 'any4', elem: [element] } }];
};

it('a port of a living attachment is refused with its owner named, and the record of the refused one is gone', async () => {
  const owner = ownerOf('other', { containerId: 'holder', ifName: 'eth9' });
  const listing = heldBy(owner);
  const fake = scriptedNft((index) => (index === 0 ? 'File exists' : index === 1 ? listing : undefined));
  const { plugin, records } = world(fake);
  const held = { owner, publications: [], hairpins: [], version: 1, netns: '', netnsId: '' } as const;
  records.write(held);
  await expect(plugin.add(request([WEB]), new Rollback())).rejects.toMatchObject({
    code: 100,
    message: 'port 8080/tcp on 0.0.0.0 is held by container holder',
    details: expect.stringContaining('network other, interface eth9'),
  });
  expect(everyFile()).toHaveLength(1);

  // The same, but the holder's network namespace is gone: its elements are deleted in the transaction that claims ours.
  records.write({ ...held, netns: '/proc/self/ns/none', netnsId: '1:1' });
  const second = scriptedNft((index) => (index === 0 ? 'File exists' : index === 1 ? listing : undefined));
  await world(second).plugin.add(request([WEB]), new Rollback());
  expect(second.sent[2]).toMatch(/"delete".*"create"/);
  expect(everyFile()).toHaveLength(1);
});

it('a container whose two networks publish one port on one address and on all is told so', async () => {
  const owner = ownerOf('other', { containerId: 'one', ifName: 'eth9' });
  const fake = scriptedNft((index) => (index === 0 ? 'File exists' : index === 1 ? heldBy(owner) : undefined));
  const { plugin, records } = world(fake);
  records.write({ owner, publications: [], hairpins: [], version: 1, netns: '', netnsId: '' });
  await expect(plugin.add(request([{ ...WEB, hostIP: '192.0.2.1' }]), new Rollback())).rejects.toMatchObject({
    code: 100,
    message: expect.stringContaining("this container's network other already, on other host addresses"),
    details: expect.stringContaining('the same hostIP'),
  });
});

it('GC without a list releases nothing, and with one what is not in it', async () => {
  const fake = scriptedNft();
  const { plugin } = world(fake);
  await plugin.add(request([WEB]), new Rollback());
  await plugin.gc({ ...request([]), verb: 'GC' });
  expect(everyFile()).toHaveLength(1);
  await plugin.gc({ ...request([]), verb: 'GC', validAttachments: [{ containerId: 'one', ifName: 'eth0' }] });
  expect(everyFile()).toHaveLength(1);
  await plugin.gc({ ...request([]), verb: 'GC', validAttachments: [] });
  expect(everyFile()).toHaveLength(0);
});

it('STATUS says 50 where the kernel has no nftables', async () => {
  const { plugin } = world(scriptedNft(() => 'Operation not supported'));
  await expect(plugin.status({ ...request([]), verb: 'STATUS' })).rejects.toMatchObject({ code: 50 });
});

it('no string of a runtime reaches nft as anything but a validated value', async () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('tcp', '10.0.0.1', '"; flush ruleset', '$(id)'));
  const field = fc.oneof(text, fc.integer(), fc.constant(null));
  const mapping = fc.record(
    { hostPort: field, containerPort: field, protocol: text, hostIP: text },
    { requiredKeys: [] },
  );
  const ALLOWED = /^(?:[0-9a-f.:]+|[a-z0-9_@]+|flatnet [0-9a-f]{12} [0-9a-f]{24}|masq[46]_[0-9a-z._-]+|[=!]=|dnat|in)$/;
  await fc.assert(
    fc.asyncProperty(fc.array(mapping, { maxLength: 3 }), text, async (mappings, extra) => {
      const fake = scriptedNft();
      const { plugin } = world(fake);
      try {
        await plugin.add(request(mappings, { defaultHostIP: extra }), new Rollback());
      } catch (error) {
        expect(error).toMatchObject({ code: 7 });
        expect(fake.sent).toEqual([]);
        return;
      }
      for (const sent of fake.sent) {
        JSON.parse(sent.slice('nft -j '.length), (_key, value: unknown) => {
          if (typeof value === 'string') expect(value).toMatch(ALLOWED);
          return value;
        });
      }
      await plugin.del({ ...request([]), verb: 'DEL' });
    }),
    { numRuns: 150 },
  );
});
