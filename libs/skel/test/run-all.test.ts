import { CniError } from '@flatnet/cni';
import { describe, expect, it } from 'vitest';
import { runAll, throwFailures } from '../src/index.ts';

describe('runAll', () => {
  it('runs every step, in order, and answers the failures', async () => {
    const order: string[] = [];
    const failures = await runAll([
      async () => Promise.reject(new Error('first')),
      () => void order.push('second'),
      () => {
        throw new Error('third');
      },
      async () => void order.push('fourth'),
    ]);
    expect(order).toEqual(['second', 'fourth']);
    expect(failures.map(String)).toEqual(['Error: first', 'Error: third']);
  });
});

describe('throwFailures', () => {
  const own = new CniError(101, 'full', 'no address is left');
  it('throws nothing without a failure, and a single one as it is', () => {
    expect(() => throwFailures([], 103, 'incomplete')).not.toThrow();
    expect(() => throwFailures([own], 103, 'incomplete')).toThrow(own);
  });
  it('names all of several', () => {
    expect(() => throwFailures([own, new Error('link is busy')], 103, 'incomplete')).toThrow(
      expect.objectContaining({ code: 103, details: 'full: no address is left; link is busy' }),
    );
  });
});
