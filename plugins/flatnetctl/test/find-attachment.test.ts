import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findByNetns, findByShortName } from '../src/chain/find-attachment.ts';

const place = { network: 'web', ifName: 'eth0' };
let cacheDir: string;

function store(containerId: string, name: string, more: object, result: object = {}): void {
  const file = {
    ...{ kind: 'cniCacheV1', containerId, ifName: 'eth0', networkName: 'web' },
    ...{ cniArgs: [['K8S_POD_NAME', name]], result: { cniVersion: '1.0.0', ...result }, ...more },
  };
  writeFileSync(join(cacheDir, 'results', `web-${containerId}-eth0`), JSON.stringify(file));
}

beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'flatnetctl-find-'));
  mkdirSync(join(cacheDir, 'results'));
  store('aabb01', 'one', { netns: '/nonexistent' });
  store('aabb02', 'two', {}, { interfaces: [{ name: 'eth0', sandbox: '/proc/self/ns/net' }] });
  store('ccdd03', 'aabb', { netns: '/nonexistent' });
});
afterEach(() => rmSync(cacheDir, { recursive: true }));

const idBy = (text: string): string | undefined => findByShortName(cacheDir, place, text)?.containerId;

it('a name or the first characters of an id find a container, a name first', () => {
  expect([idBy('one'), idBy('aabb02'), idBy('cc'), idBy('aabb'), idBy('zz')]).toEqual([
    ...['aabb01', 'aabb02', 'ccdd03', 'ccdd03', undefined],
  ]);
});

it('an ambiguous start is refused with all that it may be', () => {
  expect(() => idBy('aa')).toThrow('aa may be one of several containers: aabb01, aabb02');
});

it('a namespace finds the container of a runtime, whose result names it by another path', () => {
  expect(findByNetns(cacheDir, place, `/proc/${process.pid}/ns/net`)?.containerId).toBe('aabb02');
  expect(findByNetns(cacheDir, { ...place, network: 'db' }, '/proc/self/ns/net')).toBeUndefined();
});
