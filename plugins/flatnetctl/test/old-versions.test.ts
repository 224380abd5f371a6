import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findCached, listCached } from '../src/chain/cache.ts';
import { addressesOf, readResult } from '../src/chain/result.ts';
import { containersOf } from '../src/network/describe.ts';

let cacheDir: string;
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'flatnetctl-cache-'));
  mkdirSync(join(cacheDir, 'results'));
});
afterEach(() => rmSync(cacheDir, { recursive: true }));

const oldest = {
  cniVersion: '0.2.0',
  ip4: { ip: '10.61.0.2/24', gateway: '10.61.0.1', routes: [{ dst: '0.0.0.0/0' }] },
  ip6: { ip: 'fd61::2/64', gateway: 'fd61::1' },
  dns: { nameservers: ['10.61.0.1'] },
};
const unversioned = { ip4: oldest.ip4, ip6: oldest.ip6, dns: oldest.dns };
const middle = {
  cniVersion: '0.3.1',
  interfaces: [{ name: 'fl1' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/c1' }],
  ips: [
    { version: '4', address: '10.61.0.2/24', interface: 1 },
    { version: '6', address: 'fd61::2/64', interface: 1 },
  ],
};
const ADDRESSES = ['10.61.0.2/24', 'fd61::2/64'];
const identity = { network: 'old', containerId: 'c1', ifName: 'eth0' };

function store(result: object, envelope = true): void {
  const { network: networkName, ...rest } = identity;
  const file = envelope ? { kind: 'cniCacheV1', networkName, ...rest, result } : result;
  writeFileSync(join(cacheDir, 'results', 'old-c1-eth0'), JSON.stringify(file));
}

it.each([
  ['0.2.0', oldest, true],
  ['no version', unversioned, true],
  ['0.3.1', middle, true],
  ['0.2.0, as libcni kept it before 0.8', oldest, false],
  ['0.3.1, as libcni kept it before 0.8', middle, false],
])('addresses of a result of %s are seen', (_, result, envelope) => {
  store(result, envelope);
  expect(containersOf(cacheDir, 'old')).toMatchObject([{ id: 'c1', ifName: 'eth0', addresses: ADDRESSES }]);
  const cached = findCached(cacheDir, identity);
  expect(cached === undefined ? undefined : addressesOf(readResult(cached.result), 'eth0')).toEqual(ADDRESSES);
});

it('routes and dns of the oldest versions are read too', () => {
  expect(readResult(oldest)).toMatchObject({
    routes: [{ dst: '0.0.0.0/0' }],
    dns: { nameservers: ['10.61.0.1'] },
    ips: [{ gateway: '10.61.0.1' }, { gateway: 'fd61::1' }],
  });
});

it('a file that is no result is nobody', () => {
  for (const text of ['', '{}', '{"kind":"other"}', '[]']) {
    writeFileSync(join(cacheDir, 'results', 'old-c1-eth0'), text);
    expect(listCached(cacheDir)).toEqual([]);
  }
});

it('what cannot be read in a result does not end the listing', () => {
  store({ cniVersion: '1.0.0', ips: 'none' });
  expect(containersOf(cacheDir, 'old')).toMatchObject([{ id: 'c1', addresses: [] }]);
});
