import { describe, expect, it } from 'vitest';
import { renderBars, renderGrowth } from '../src/report/svg.ts';
import { targetsOf } from '../src/report/targets.ts';
import { after, median, mediansMs, NOTHING, spread } from '../src/sample.ts';

describe('figures', () => {
  it('takes the middle of an odd and of an even number of values, and none of none', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('is not moved by one slow run', () => {
    expect(median([10, 11, 10, 900, 10])).toBe(10);
    expect(spread([10, 10, 10, 10, 900])).toBe(0);
  });

  it('leaves out what ran while the machine stood still; of all sides or of none', () => {
    const ran = [2, 3, 4].map((wallMs) => ({ ...NOTHING, wallMs }));
    const disturbed = [300, 300, 300, 300, 300, 300].map((wallMs) => ({ ...NOTHING, wallMs, paused: true }));
    expect(mediansMs([[...ran, ...disturbed], ran])).toEqual([3, 3]);
    expect(mediansMs([[...ran.slice(1), ...disturbed], ran])).toEqual([300, 3]);
  });

  it('adds the times of a chain and keeps the last output', () => {
    const sample = after({ ...NOTHING, wallMs: 2, cpuMs: 1 }, { ...NOTHING, wallMs: 3, cpuMs: 2, stdout: 'last' });
    expect(sample).toMatchObject({ wallMs: 5, cpuMs: 3, stdout: 'last' });
  });
});

describe('report', () => {
  const points = [10, 1_000].map((size) => ({
    axis: 'leases',
    side: 'flatnet',
    size,
    add: 10,
    del: size === 10 ? 10 : 13,
  }));

  it('holds growth against the smallest size', () => {
    expect(targetsOf({ growth: points }).map(({ value }) => value)).toEqual([1, 1.3]);
  });

  it('leaves out what was not measured', () => {
    expect(targetsOf({})).toEqual([]);
  });

  it('draws one bar per side and one line per verb, with names escaped', () => {
    const bars = renderBars('a < b', [{ title: 'ADD', bars: [{ side: 'flatnet', value: 20 }] }]);
    expect(bars).toContain('a &lt; b');
    expect(bars).toContain('20.0 ms');
    expect(renderGrowth('growth', points).match(/<polyline/g)).toHaveLength(2);
  });

  it('draws no bar and no point where there is no figure', () => {
    const bars = [
      { side: 'flatnet', value: 20 },
      { side: 'reference', value: NaN },
    ];
    const picture = renderBars('chain', [{ title: 'ADD', bars }]);
    expect(picture).not.toContain('NaN');
    expect(picture).toContain('too few undisturbed samples');
    expect(picture.match(/<rect x="190"/g)).toHaveLength(1);
    expect(renderGrowth('growth', [...points, { ...points[0]!, size: 100, add: NaN }])).not.toContain('NaN');
    expect(renderGrowth('growth', [{ ...points[0]!, add: NaN, del: NaN }])).not.toContain('NaN');
  });
});
