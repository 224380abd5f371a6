import { readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseIp } from '@flatnet/addressing';
import type { LeaseStore } from '@flatnet/store';
import { add, firstOf, Host, key, killAt } from './simulation.ts';

const choose = firstOf(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
const BOTH = ['net', 'sibling'];
const SIBLING = { network: 'sibling' };

let host: Host;
beforeEach(() => {
  host = new Host();
  host.segment = 'br0';
});
afterEach(() => host.remove());

const addHere = (store: LeaseStore) => add(store, key('here'), choose);
const addThere = (store: LeaseStore) => add(store, key('there'), choose);
const fresh = (): void => {
  host.remove();
  host = new Host();
  host.segment = 'br0';
};

describe('two networks on one bridge', () => {
  test('lease different addresses, and free them for each other', async () => {
    await host.run(addHere);
    await host.run(addThere, undefined, SIBLING);
    expect(host.leases('sibling').get('there:eth0')).toEqual(['10.0.0.3']);
    host.assertConsistent(BOTH);
    await host.run((store) => store.release(key('here'), false));
    await host.run((store) => add(store, key('third'), choose), undefined, SIBLING);
    expect(host.leases('sibling').get('third:eth0')).toEqual(['10.0.0.2']);
    host.assertConsistent(BOTH);
  });

  test('know each other by the view: taken, by which container, cooling', async () => {
    await host.run(addHere);
    const { view } = host.process(undefined, SIBLING).store;
    const ip = parseIp('10.0.0.2');
    expect(view.isTaken(ip)).toBe(true);
    expect(view.takenNames()).toEqual(['4-0a000002']);
    expect(view.holderOf(ip)).toMatchObject({ network: 'net', attachment: key('here') });
    await host.run((store) => store.release(key('here'), true));
    expect([view.isTaken(ip), view.isCooling(ip, 60)]).toEqual([false, true]);
    host.now += 61;
    expect(view.isCooling(ip, 60)).toBe(false);
  });

  test('a network on another bridge, or on none that is known, has all addresses to itself', async () => {
    await host.run(addHere);
    await host.run(addThere, undefined, { network: 'apart', segment: 'br1' });
    await host.run(addThere, undefined, { network: 'alone', segment: undefined as never });
    expect(host.leases('apart').get('there:eth0')).toEqual(['10.0.0.2']);
    expect(host.leases('alone').get('there:eth0')).toEqual(['10.0.0.2']);
  });

  test('ADD here in the middle of ADD there, at each change: two addresses', async () => {
    for (let at = 0, isReached = true; isReached; at++) {
      fresh();
      isReached = false;
      await host.run(
        addThere,
        (_call, index) => {
          if (index !== at) return;
          isReached = true;
          const { store, end } = host.process();
          void addHere(store);
          end();
        },
        SIBLING,
      );
      host.assertConsistent(isReached ? BOTH : ['sibling']);
    }
  });

  test('killed before each change of ADD and DEL: nothing of the dead stays, the sibling keeps its own', async () => {
    const verbs = [addHere, (store: LeaseStore) => store.release(key('here'), false)];
    for (const [which, verb] of verbs.entries()) {
      for (let victim = 0, isKilled = true; isKilled; victim++) {
        fresh();
        isKilled = false;
        await host.run(addThere, undefined, SIBLING);
        if (which === 1) await host.run(addHere);
        await host.run(
          async (store) => {
            await verb(store);
          },
          (call, index) => {
            isKilled ||= index === victim;
            killAt(victim)(call, index);
          },
        );
        await host.run((store) => store.release(key('here'), false));
        host.assertConsistent(BOTH);
        expect(host.leases('sibling').size).toBe(1);
        await host.run(addHere);
        host.assertConsistent(BOTH);
      }
    }
  });

  test('leases from before the networks shared are claimed at the next ADD, and freed whole', async () => {
    const early = { network: 'net', segment: undefined as never };
    await host.run(addHere, undefined, early);
    await host.run((store) => add(store, key('next'), choose));
    await host.run(addThere, undefined, SIBLING);
    expect(host.leases('sibling').get('there:eth0')).toEqual(['10.0.0.4']);
    host.assertConsistent(BOTH);
    // By a DEL that does not know of the segment either.
    for (const name of ['here', 'next']) await host.run((store) => store.release(key(name), false), undefined, early);
    host.assertConsistent(BOTH);
    expect(host.leases().size).toBe(0);
  });

  test('a record removed by hand is collected here and in the segment, nothing of the sibling', async () => {
    await host.run(addHere);
    await host.run(addThere, undefined, SIBLING);
    rmSync(`${host.generation}/at/here:eth0`, { recursive: true });
    await host.run((store) => store.collect(undefined), undefined, SIBLING);
    expect(host.names('ip', '=br0')).toHaveLength(2);
    await host.run((store) => store.collect(undefined));
    host.assertConsistent(BOTH);
    expect(host.leases('sibling').size).toBe(1);
  });

  test('a lease says its segment, and no other name leads out of the store', async () => {
    await host.run(addHere);
    expect(JSON.parse(readFileSync(`${host.generation}/at/here:eth0/lease`, 'utf8'))).toMatchObject({
      segment: '=br0',
    });
    for (const segment of ['../x', '..', '', 'a/b', 'x'.repeat(300), '\0']) {
      await host.run(addThere, undefined, { network: 'odd', segment });
      await host.run((store) => store.release(key('there'), false), undefined, { network: 'odd', segment });
    }
    expect(host.everything().filter((path) => !path.includes('/'))).toEqual(
      expect.arrayContaining(['=br0', 'net', 'odd']),
    );
    for (const name of host.everything().filter((path) => !path.includes('/'))) expect(name).toMatch(/^=?[\w.-]+$/);
  });
});
