import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '@flatnet/store';
import { realFiles, realProcesses } from '@flatnet/store/testing';
import { add, firstOf, Host, key } from './simulation.ts';

let host: Host;
beforeEach(() => {
  host = new Host();
});
afterEach(() => host.remove());

test('a released address that cannot be stamped is free at once, and does not cool for ever', async () => {
  const files = {
    ...realFiles,
    setMtime: () => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
    },
  };
  const store = openStore({ dataDir: host.dataDir, network: 'net', files, processes: realProcesses() });
  const { lease } = await add(store, key('mine'), firstOf(['10.0.0.2']));
  expect(store.release(key('mine'), true)).toBe(true);
  expect(store.view.isTaken(lease.ips[0]!)).toBe(false);
  expect(store.view.isCooling(lease.ips[0]!, 60)).toBe(false);
});
