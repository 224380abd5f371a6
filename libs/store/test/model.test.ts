import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoreView } from '@flatnet/store';
import { realFiles } from '@flatnet/store/testing';
import { add, firstOf, Host, key, killAt } from './simulation.ts';

// Random sequences of ADD, DEL, GC, range changes, reboots and crashes against a plain map, the invariants after each step.

const poolAt = (offset: number): string[] => [1, 2, 3, 4, 5].map((host) => `10.0.0.${offset + host}`);

const name = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), name, victim: fc.option(fc.nat(11)) }),
  fc.record({ kind: fc.constant('del' as const), name, victim: fc.option(fc.nat(7)) }),
  fc.record({
    kind: fc.constant('gc' as const),
    keep: fc.subarray(['a', 'b', 'c', 'd']),
    victim: fc.option(fc.nat(20)),
  }),
  fc.record({ kind: fc.constant('move' as const), offset: fc.constantFrom(0, 3, 100) }),
  fc.record({ kind: fc.constant('reboot' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Runs the steps. The model is what must be leased; a killed call may have happened or not, so the store is asked which. */
const play = async (host: Host, steps: readonly Step[]): Promise<void> => {
  let leased = new Map<string, string[]>();
  let choose: (view: StoreView) => ReturnType<ReturnType<typeof firstOf>> = firstOf(poolAt(0));
  for (const now of steps) {
    const hook = 'victim' in now && now.victim !== null ? killAt(now.victim) : undefined;
    const before = new Map(leased);
    if (now.kind === 'move') choose = firstOf(poolAt(now.offset));
    else if (now.kind === 'reboot') {
      host.bootId = host.bootId.replace(/^\d+/, (count) => String(Number(count) + 1));
      // The files of the boot before stay where they are: void, and in no call's way.
      expect(host.leases().size).toBe(0);
    } else if (now.kind === 'add') await host.run((store) => add(store, key(now.name), choose), hook);
    else if (now.kind === 'del') await host.run((store) => void store.release(key(now.name), false), hook);
    else await host.run((store) => store.collect(now.keep.map((kept) => key(kept))), hook);
    // The next call of any container finishes what the dead left.
    await host.run((store) => void store.release(key('nobody'), false));
    host.assertConsistent();
    const actual = host.leases();
    for (const [attachment, ips] of before) {
      const mayBeGone =
        now.kind === 'reboot' ||
        (now.kind === 'del' && attachment === `${now.name}:eth0`) ||
        (now.kind === 'gc' && !now.keep.includes(attachment.slice(0, 1)));
      // A lease that this step did not name is as it was.
      if (!mayBeGone) expect(actual.get(attachment)).toEqual(ips);
      else if (hook === undefined && now.kind !== 'reboot') expect(actual.has(attachment)).toBe(false);
    }
    if (now.kind === 'add' && hook === undefined) {
      expect(actual.has(`${now.name}:eth0`)).toBe(true);
      // Old generations of this size are removed by the first ADD that is not killed.
      expect(realFiles.list(`${host.dataDir}/net`)).toEqual([host.generation.replace(/.*\//, '')]);
    }
    leased = actual;
  }
};

test('any sequence of calls and crashes keeps the store right', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const host = new Host();
      try {
        await play(host, steps);
      } finally {
        host.remove();
      }
    }),
    { numRuns: 60 },
  );
});
