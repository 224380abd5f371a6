import { afterEach, describe, expect, test } from 'vitest';
import type { LeaseStore } from '@flatnet/store';
import { add, firstOf, Host, key, killAt } from './simulation.ts';

const POOL = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'];
const choose = firstOf(POOL);

let host = new Host();
afterEach(() => {
  host.remove();
  host = new Host();
});

/** A synchronous operation, since it has to happen whole between two calls of another process. */
type Intruder = (store: LeaseStore) => void;

const del =
  (name: string): Intruder =>
  (store) =>
    void store.release(key(name), false);

/**
 * ADD is asynchronous only where it waits; up to its first wait it runs at once, so that starting it is enough. What it then answers
 * is looked at by the invariants.
 */
const addOf =
  (name: string): Intruder =>
  (store) =>
    void add(store, key(name), choose).catch(() => undefined);

/** Runs `work`, and at its n-th change first the intruders, each in a process of its own. For every n. */
const atEachChange = async (
  prepare: (host: Host) => Promise<unknown>,
  work: (store: LeaseStore) => unknown,
  intruders: readonly Intruder[],
  check: (host: Host) => void,
): Promise<void> => {
  for (let at = 0, isReached = true; isReached; at++) {
    host.remove();
    host = new Host();
    isReached = false;
    await prepare(host);
    const ended: (() => void)[] = [];
    await host.run(
      async (store) => {
        await work(store);
      },
      (_call, index) => {
        if (index !== at) return;
        isReached = true;
        for (const intruder of intruders) {
          const { store, end } = host.process();
          intruder(store);
          // Dead to the others from here on, as a process that has answered is.
          end();
          ended.push(end);
        }
      },
    );
    await host.run((store) => store.release(key('nobody'), false));
    host.assertConsistent();
    if (isReached) check(host);
  }
};

const addMine = (store: LeaseStore) => add(store, key('mine'), choose);
const dead = (host: Host, victim: number) => host.run(addMine, killAt(victim));

describe('one process in the middle of another', () => {
  test('two ADDs: two addresses', () =>
    atEachChange(
      async () => undefined,
      addMine,
      [addOf('other')],
      (host) => {
        expect([...host.leases().keys()]).toEqual(['mine:eth0', 'other:eth0']);
      },
    ));

  test('two ADDs for one attachment: one lease', () =>
    atEachChange(
      async () => undefined,
      addMine,
      [addOf('mine')],
      (host) => {
        expect([...host.leases().keys()]).toEqual(['mine:eth0']);
      },
    ));

  test('DEL meets DEL and a new ADD that takes the address', () =>
    atEachChange(
      (host) => host.run(addMine),
      del('mine'),
      [del('mine'), addOf('other')],
      (host) => {
        expect([...host.leases().keys()]).toEqual(['other:eth0']);
      },
    ));

  test('DEL meets DEL and ADD of the same attachment', () =>
    atEachChange(
      (host) => host.run(addMine),
      del('mine'),
      [del('mine'), addOf('mine')],
      (host) => {
        expect(host.leases().size).toBeLessThanOrEqual(1);
      },
    ));

  test('two sweepers after an ADD that died anywhere, and a new ADD that takes what was freed', async () => {
    for (let victim = 2; victim < 11; victim++) {
      await atEachChange(
        (host) => dead(host, victim),
        del('mine'),
        [del('mine'), addOf('other'), addOf('third')],
        (host) => {
          expect(host.leases().size).toBe(2);
        },
      );
    }
  });

  test('a sweeper in the middle of a new ADD, after an ADD that died anywhere', async () => {
    for (let victim = 2; victim < 11; victim++) {
      await atEachChange(
        (host) => dead(host, victim),
        (store) => add(store, key('other'), choose),
        [del('mine'), addOf('third')],
        (host) => {
          expect([...host.leases().keys()].filter((name) => name !== 'mine:eth0')).toEqual([
            'other:eth0',
            'third:eth0',
          ]);
        },
      );
    }
  });
});

describe('an orphan: the main plugin dies while its delegated ADD runs', () => {
  test('DEL before the commit, wherever it comes, leaves no lease', async () => {
    for (let at = 0; at < 16; at++) {
      host.remove();
      host = new Host();
      let isParentDead = false;
      const work = host.run(
        (store) => add(store, key('mine'), choose, () => isParentDead),
        (_call, index) => {
          if (index !== at) return;
          isParentDead = true;
          const { store, end } = host.process();
          del('mine')(store);
          end();
        },
      );
      await work.catch((error: unknown) => expect(error).toMatchObject({ kind: 'orphaned' }));
      await host.run((store) => store.release(key('nobody'), false));
      host.assertConsistent();
      expect(host.leases().size).toBe(isParentDead ? 0 : 1);
    }
  });

  test('the retried ADD of the runtime waits for the orphan, and gets a lease of its own', async () => {
    let isParentDead = false;
    let retried: ReturnType<typeof add> | undefined;
    let found: readonly string[] = [];
    const orphan = host.process((call) => {
      if (call !== 'rename') return;
      // Between the first look at the parent and the commit.
      isParentDead = true;
    });
    const first = add(orphan.store, key('mine'), choose, () => {
      const answer = isParentDead;
      if (answer) {
        // Committed, and not yet taken back: the retry comes in exactly here.
        const retry = host.process();
        found = [...host.leases().keys()];
        // It runs up to its first wait at once, so it has seen the orphan's lease when the orphan goes on.
        retried = add(retry.store, key('mine'), choose).finally(retry.end);
      }
      return answer;
    });
    await expect(first.finally(orphan.end)).rejects.toMatchObject({ kind: 'orphaned' });
    expect(found).toEqual(['mine:eth0']);
    expect(await retried).toMatchObject({ existed: false });
    expect([...host.leases().keys()]).toEqual(['mine:eth0']);
    host.assertConsistent();
  });
});
