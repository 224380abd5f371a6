import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileChangesOf, killBefore } from '@flatnet/testing';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { Bench, TIMEOUT, type Call } from './plugin-process.ts';

// The executable is really killed, before each system call of a clean run that changes a file; then DEL and ADD must find the store
// right.

const bench = new Bench(
  {
    ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]],
    stickyBy: 'name',
    cooldown: 1,
    importFrom: '/nonexistent',
  },
  { type: 'bridge', bridge: 'br0' },
);
const hostLocal = join(bench.folder, 'host-local');
afterAll(() => bench.remove(), 120_000);

const mine: Call = { id: 'mine', args: 'K8S_POD_NAME=web' };
const others: Call = { config: { 'cni.dev/valid-attachments': [{ containerID: 'other', ifname: 'eth0' }] } };
const importing: Call = { ...mine, ipam: { ...bench.ipam, importFrom: hostLocal } };

const startOver = (): void => {
  rmSync(bench.dataDir, { recursive: true, force: true });
  bench.add('other');
};
beforeEach(startOver, 120_000);

let slowest = 0;
const nextAdd = (call: Call = {}): void => {
  const begin = performance.now();
  bench.add('next', call);
  slowest = Math.max(slowest, performance.now() - begin);
};
afterAll(() =>
  process.stdout.write(`the slowest ADD after a kill took ${Math.round(slowest)} ms, its start included\n`),
);

const sweep = async (
  verb: string,
  call: Call,
  prepare: () => void,
  check: () => void,
  atLeast: number,
): Promise<void> => {
  const traced = {
    traceFile: join(bench.folder, 'trace'),
    // The log, beside them, is not part of the store.
    folders: [bench.dataDir, hostLocal],
    // The name of the process in names of the store.
    volatile: /\d+\.\d+\.\d+-\d+/g,
    prepare,
    run: (under: readonly string[]) => bench.run(verb, { ...call, under }),
  };
  const changes = await fileChangesOf(traced);
  expect(changes.length).toBeGreaterThanOrEqual(atLeast);
  for (const change of changes) {
    await killBefore(change, traced);
    try {
      check();
    } catch (error) {
      throw new Error(`after a kill at ${change.meaning}`, { cause: error });
    }
  }
};

const delMine = (): void => expect(bench.run('DEL', mine).status).toBe(0);
/** What the network has, it has in the segment of its bridge too. */
const leases = (): string[] => {
  expect(bench.names('ip', '=br0')).toEqual(bench.names('ip'));
  return bench.leases();
};
/** The next ADD of another gets an address that is free; DEL of both leaves the lease of a third alone. */
const nothingIsLeft = (): void => {
  nextAdd();
  leases();
  delMine();
  expect(bench.run('DEL', { id: 'next' }).status).toBe(0);
  expect(leases()).toEqual(['other:eth0']);
};
const attached = (): void => void bench.add('mine', mine);

test('ADD', TIMEOUT, async () => {
  await sweep('ADD', mine, startOver, nothingIsLeft, 12);
});

test('ADD of a name that had addresses, which are cooling down', TIMEOUT, async () => {
  const prepare = (): void => {
    startOver();
    attached();
    delMine();
  };
  await sweep('ADD', mine, prepare, nothingIsLeft, 10);
});

test('DEL', TIMEOUT, async () => {
  await sweep('DEL', mine, attached, nothingIsLeft, 5);
});

test('GC', TIMEOUT, async () => {
  const check = (): void => {
    nextAdd();
    expect(bench.run('GC', others).status).toBe(0);
    expect(leases()).toEqual(['other:eth0']);
    expect(bench.names('.').filter((name) => name.startsWith('lock'))).toEqual([]);
  };
  await sweep('GC', others, attached, check, 8);
});

test('STATUS', TIMEOUT, async () => {
  await sweep('STATUS', {}, () => undefined, nothingIsLeft, 5);
});

test('the first ADD of a network, which takes over leases of host-local', TIMEOUT, async () => {
  const prepare = (): void => {
    for (const folder of [bench.dataDir, hostLocal]) rmSync(folder, { recursive: true, force: true });
    mkdirSync(hostLocal);
    for (const ip of ['10.77.0.2', 'fd77::2']) writeFileSync(join(hostLocal, ip), 'running\r\neth0');
  };
  const check = (): void => {
    nextAdd({ ipam: importing.ipam! });
    expect(bench.run('CHECK', { ...importing, id: 'running' }).status).toBe(0);
    delMine();
    expect(leases()).toEqual(['next:eth0', 'running:eth0']);
  };
  await sweep('ADD', importing, prepare, check, 25);
});
