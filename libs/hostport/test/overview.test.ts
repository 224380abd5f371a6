import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { overview, Records, type PublishRecord } from '../src/index.ts';
import type { NftJson } from '@flatnet/kernel';
import { FakeNft } from '@flatnet/kernel/testing';
import { fakeNft } from './fixture.ts';

const owner = (hash: string) => ({
  ...{ network: 'web', containerId: 'c', ifName: 'eth0' },
  networkHash: '0123456789ab',
  hash: hash.repeat(24),
});
const record = (hash: string): PublishRecord => ({
  version: 1,
  owner: owner(hash),
  publications: [
    { family: 4, protocol: 'tcp', hostPort: 8080, count: 2, address: '10.0.0.2', port: 80 },
    { family: 6, protocol: 'udp', hostIp: '::1', hostPort: 53, count: 1, address: 'fd00::2', port: 53 },
  ],
  hairpins: [{ family: 4, address: '10.0.0.2', from: '10.0.0.0/24' }],
  netns: '/run/netns/c',
  netnsId: '4:5',
});

/** nft as it lists `elem` of the map any4, each with an owner's mark. */
const listing = (elem: readonly NftJson[]) =>
  fakeNft([{ map: { family: 'inet', table: 'flatnet_hostport', name: 'any4', elem } }]);
const element = (port: number, hash: string, to = '10.0.0.2', toPort = port - 8000) => [
  { elem: { val: { concat: ['tcp', port] }, comment: `flatnet 0123456789ab ${hash.repeat(24)}` } },
  { concat: [to, toPort] },
];

test('tells what stands, what is missing or of somebody else, and elements that nobody remembers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'records-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const records = new Records(folder);
  records.write(record('a'));
  const nft = listing([element(8080, 'a', '10.0.0.2', 80), element(8081, 'b'), element(9000, 'b')]);
  const { standing, orphans } = await overview(nft, [records]);
  expect(standing).toEqual([
    {
      record: record('a'),
      missing: ['8081/tcp on 0.0.0.0', '53/udp on ::1', 'masquerade of published flows to 10.0.0.2'],
    },
  ]);
  expect(orphans).toEqual([
    {
      networkHash: '0123456789ab',
      hash: 'b'.repeat(24),
      elements: ['8081/tcp on 0.0.0.0', '9000/tcp on 0.0.0.0'],
    },
  ]);
});

test('no table and no records: nothing to tell', async () => {
  const records = new Records(join(tmpdir(), 'records-that-are-not-there'));
  expect(await overview(new FakeNft(), [records])).toEqual({ standing: [], orphans: [] });
});
