import { describe, expect, it } from 'vitest';
import { Patience } from '../src/recovery/patience.ts';

describe('patience', () => {
  it('rests from the third same repair in a minute on, longer each time, and forgets', () => {
    const patience = new Patience();
    expect([0, 1_000, 2_000].map((now) => patience.note(['port'], now))).toEqual([0, 0, 5_000]);
    expect(patience.wait(3_000)).toBe(4_000);
    expect(patience.wait(7_000)).toBe(0);
    expect(patience.note(['port'], 8_000)).toBe(10_000);
    expect(patience.note(['port'], 20_000)).toBe(20_000);
    let now = 40_000;
    for (let round = 0; round < 10; round++) now += patience.note(['port'], now);
    expect(patience.note(['port'], now)).toBe(300_000);
    expect(patience.note(['port'], now + 400_000)).toBe(0);
  });

  it('counts a repair that one comparison made twice', () => {
    const patience = new Patience();
    expect(patience.note(['port', 'port'], 0)).toBe(0);
    expect(patience.note(['port', 'port'], 1_000)).toBe(5_000);
    expect(patience.note(['port', 'port'], 7_000)).toBe(10_000);
  });

  it('takes different repairs, and such that are far apart, for no fight', () => {
    const patience = new Patience();
    expect(['a', 'b', 'c', 'd'].map((repair, at) => patience.note([repair], at))).toEqual([0, 0, 0, 0]);
    expect([0, 40_000, 80_000, 120_000].map((now) => patience.note(['e'], now))).toEqual([0, 0, 0, 0]);
  });
});
