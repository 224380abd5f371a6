import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseStore } from '@flatnet/store';
import { add, firstOf, Host, key, killAt } from './simulation.ts';

const FOUR = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'];
const SIX = ['fd00::2', 'fd00::3', 'fd00::4', 'fd00::5'];

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
])('killed before each change, %s', (_name, pools) => {
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
