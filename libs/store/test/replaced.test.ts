import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseStore } from '@flatnet/store';
import { add, firstOf, Host, key, Killed } from './simulation.ts';

// A lease is replaced by a new one of the same attachment between two steps of another process.

const LOW = firstOf(['10.0.0.2', '10.0.0.3']);
const HIGH = firstOf(['10.0.0.9', '10.0.0.8']);

let host: Host;
beforeEach(() => {
  host = new Host();
});
afterEach(() => host.remove());

/** DEL and a new ADD of the attachment, each in a process of its own. */
const replace = (): void => {
  const works: ((store: LeaseStore) => unknown)[] = [
    (store) => store.release(key('mine'), false),
    (store) => void add(store, key('mine'), HIGH),
  ];
  for (const work of works) {
    const { store, end } = host.process();
    work(store);
    end();
  }
};

test('a repeated ADD answers what the lease lists, wherever the lease is replaced meanwhile', async () => {
  for (let at = 0, isReached = true; isReached; at++) {
    host.remove();
    host = new Host();
    isReached = false;
    await host.run((store) => add(store, key('mine'), LOW));
    // By hand: the repeated ADD makes the link again.
    rmSync(`${host.generation}/ip/4-0a000002`);
    const claim = await host.run(
      (store) => add(store, key('mine'), LOW),
      (_call, index) => {
        if (index !== at) return;
        isReached = true;
        replace();
      },
    );
    expect(host.leases().get('mine:eth0')).toEqual(claim?.lease.ips.map(String));
    await host.run((store) => store.release(key('mine'), false));
    host.assertConsistent();
  }
});

describe('GC takes an unreadable lease, which is replaced before GC has it', () => {
  /** @param then what happens to GC when it holds the new lease by mistake. */
  const mistake = async (then: () => void): Promise<void> => {
    await host.run((store) => add(store, key('mine'), LOW));
    writeFileSync(`${host.generation}/at/mine:eth0/lease`, 'torn');
    let next = Infinity;
    const { store } = host.process((call, index) => {
      if (call === 'rename' && next === Infinity) {
        next = index + 1;
        replace();
      } else if (index === next) then();
    });
    await store.collect(undefined).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
  };
  const killed = (): void => {
    for (let pid = 1; pid < 10; pid++) host.dead.add(`${pid}.1.1-1`);
    throw new Killed();
  };

  test('and puts the new one back', async () => {
    await mistake(() => undefined);
    host.assertConsistent();
    expect(host.leases()).toEqual(new Map([['mine:eth0', ['10.0.0.9']]]));
  });

  test('killed in between, the next call of any container puts it back', async () => {
    await mistake(killed);
    expect(host.leases().size).toBe(0);
    await host.run((store) => store.release(key('nobody'), false));
    host.assertConsistent();
    expect(host.leases()).toEqual(new Map([['mine:eth0', ['10.0.0.9']]]));
  });

  test('killed in between, DEL of the attachment finds its lease', async () => {
    await mistake(killed);
    expect(await host.run((store) => store.release(key('mine'), false))).toBe(true);
    host.assertConsistent();
    expect(host.leases().size).toBe(0);
  });

  test('stopped in between, DEL of the attachment finds its lease, and GC goes on', async () => {
    let found: boolean | undefined;
    await mistake(() => {
      const { store, end } = host.process();
      found = store.release(key('mine'), false);
      end();
    });
    expect(found).toBe(true);
    await host.run((store) => store.release(key('nobody'), false));
    host.assertConsistent();
    expect(host.leases().size).toBe(0);
  });
});
