import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseStore } from '@flatnet/store';
import { add, firstOf, Host, key, killAt } from './simulation.ts';

const FOUR = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'];
const SIX = ['fd00::2', 'fd00::3', 'fd00::4', 'fd00::5'];

/** Thousands of file calls: seconds, or minutes on a busy machine. */
const TIMEOUT = { timeout: 120_000 };

let host: Host;
beforeEach(() => {
  host = new Host();
});
afterEach(() => host.remove());

/** How many changes `work` makes when nothing kills it. */
const countChanges = async (
  prepare: (host: Host) => Promise<unknown>,
  work: (store: LeaseStore) => unknown,
): Promise<number> => {
  const trial = new Host();
  let changes = 0;
  await prepare(trial);
  await trial.run(work, () => void changes++);
  trial.remove();
  return changes;
};

describe.each([
  ['one address', [FOUR]],
  ['two addresses', [FOUR, SIX]],
])('killed before each change, %s', TIMEOUT, (_name, pools) => {
  const addMine = (store: LeaseStore) => add(store, key('mine'), firstOf(...pools));
  const addOther = (store: LeaseStore) => add(store, key('other'), firstOf(...pools));
  const delMine = (store: LeaseStore) => store.release(key('mine'), false);
  const prepared = (host: Host) => host.run(addOther);

  test('ADD, then DEL: nothing is left, the other lease is untouched', async () => {
    const changes = await countChanges(prepared, addMine);
    expect(changes).toBeGreaterThan(4);
    for (let victim = 0; victim < changes; victim++) {
      host.remove();
      host = new Host();
      await prepared(host);
      await host.run(addMine, killAt(victim));
      await host.run(delMine);
      host.assertConsistent();
      expect([...host.leases().keys()]).toEqual(['other:eth0']);
      await host.run(addMine);
      host.assertConsistent();
    }
  });

  test('ADD, then ADD of another: no address is held by the dead', async () => {
    const changes = await countChanges(prepared, addMine);
    for (let victim = 0; victim < changes; victim++) {
      host.remove();
      host = new Host();
      await prepared(host);
      await host.run(addMine, killAt(victim));
      await host.run((store) => add(store, key('third'), firstOf(...pools)));
      host.assertConsistent();
    }
  });

  test('ADD, then ADD of another: it waits for nothing, whoever was killed where', async () => {
    for (const verb of [addMine, delMine] as readonly ((store: LeaseStore) => unknown)[]) {
      const ready = async (host: Host): Promise<void> => {
        await prepared(host);
        if (verb === delMine) await host.run(addMine);
      };
      const changes = await countChanges(ready, verb);
      for (let victim = 0; victim < changes; victim++) {
        host.remove();
        host = new Host();
        await ready(host);
        await host.run(verb, killAt(victim));
        const { store, end } = host.process();
        let isAnswered = false;
        const next = add(store, key('third'), firstOf(...pools)).then(() => (isAnswered = true));
        // Only jobs that are ready run here: no timer, no file, no lock can make a promise resolve meanwhile.
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
        expect(isAnswered).toBe(true);
        await next;
        end();
      }
    }
  });

  test('DEL, then DEL again, and with a cooldown', async () => {
    const both = async (host: Host) => {
      await host.run(addOther);
      await host.run(addMine);
    };
    for (const cooling of [false, true]) {
      const changes = await countChanges(both, (store) => store.release(key('mine'), cooling));
      for (let victim = 0; victim < changes; victim++) {
        host.remove();
        host = new Host();
        await both(host);
        await host.run((store) => store.release(key('mine'), cooling), killAt(victim));
        await host.run(delMine);
        host.assertConsistent();
        expect([...host.leases().keys()]).toEqual(['other:eth0']);
      }
    }
  });

  test('the clean-up after a killed ADD is itself killed, anywhere', async () => {
    const changes = await countChanges(prepared, addMine);
    for (let victim = 0; victim < changes; victim++) {
      for (let second = 0; second < 8; second++) {
        host.remove();
        host = new Host();
        await prepared(host);
        await host.run(addMine, killAt(victim));
        await host.run(delMine, killAt(second));
        await host.run(delMine);
        host.assertConsistent();
        expect([...host.leases().keys()]).toEqual(['other:eth0']);
      }
    }
  });

  test('GC', async () => {
    const both = async (host: Host) => {
      await host.run(addOther);
      await host.run(addMine);
    };
    const gc = (store: LeaseStore) => store.collect([key('other')]);
    const changes = await countChanges(both, gc);
    for (let victim = 0; victim < changes; victim++) {
      host.remove();
      host = new Host();
      await both(host);
      await host.run(gc, killAt(victim));
      await host.run(gc);
      host.assertConsistent();
      expect([...host.leases().keys()]).toEqual(['other:eth0']);
    }
  });
});

test(
  'an import that is killed before each change is finished by the next call; no address of it is given away',
  TIMEOUT,
  async () => {
    const foreign = (): string => {
      const folder = mkdtempSync(`${tmpdir()}/host-local-`);
      for (const ip of ['10.0.0.2', 'fd00::2']) writeFileSync(`${folder}/${ip}`, 'old1\r\neth0');
      writeFileSync(`${folder}/10.0.0.3`, 'old2\r\neth0');
      return folder;
    };
    for (let victim = 0, isKilled = true; isKilled; victim++) {
      host.remove();
      host = new Host();
      const folder = foreign();
      isKilled = false;
      await host.run(
        (store) => store.importFrom(folder),
        (_call, index) => {
          isKilled ||= index === victim;
          killAt(victim)(_call, index);
        },
      );
      await host.run(async (store) => {
        await store.importFrom(folder);
        await add(store, key('mine'), firstOf(FOUR, SIX));
      });
      host.assertConsistent();
      expect(host.leases()).toEqual(
        new Map([
          ['mine:eth0', ['10.0.0.4', 'fd00::3']],
          ['old1:eth0', ['10.0.0.2', 'fd00::2']],
          ['old2:eth0', ['10.0.0.3']],
        ]),
      );
      expect(await host.run((store) => store.importFrom(folder))).toBe(0);
      rmSync(folder, { recursive: true });
    }
  },
);
