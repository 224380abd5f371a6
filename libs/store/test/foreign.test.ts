import { renameSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore, type LeaseStore } from '@flatnet/store';
import { realFiles, type Files } from '@flatnet/store/testing';
import { add, firstOf, Host, key } from './simulation.ts';

let host: Host;
beforeEach(() => {
  host = new Host();
});
afterEach(() => host.remove());

/** A process that can tell of no other whether it lives: they are in pid namespaces that it cannot see. */
const visitor = (files: Files): LeaseStore =>
  openStore({
    dataDir: host.dataDir,
    network: 'net',
    files,
    processes: { bootId: host.bootId, self: '9.1.2-2', stateOf: () => 'unknown', uptime: () => host.now },
  });

const later = (seconds: number): Files => ({
  ...realFiles,
  lstat: (path) => {
    const facts = realFiles.lstat(path);
    return facts === undefined ? undefined : { ...facts, ctime: facts.ctime - seconds };
  },
});

test('a DEL there has ten minutes from its first step, however old the lease is', async () => {
  await host.run((store) => add(store, key('mine'), firstOf(['10.0.0.2'])));
  const lease = `${host.generation}/at/mine:eth0`;
  utimesSync(lease, 0, 0);
  renameSync(lease, `${host.generation}/tmp/7.1.3-3~0`);
  for (const seconds of [0, 599]) {
    visitor(later(seconds)).release(key('nobody'), false);
    expect(host.names('tmp')).toEqual(['7.1.3-3~0']);
    expect(host.names('ip')).toEqual(['4-0a000002']);
  }
  visitor(later(601)).release(key('nobody'), false);
  expect(host.names('tmp')).toEqual([]);
  expect(host.names('ip')).toEqual([]);
});
