import { describe, expect, it } from 'vitest';
import { CniError } from '@flatnet/cni';
import { dispatch, Trace } from '../src/index.ts';
import { RESULT, noting, ENV, CONF, call } from './noting.ts';

/** Limits of a command that begins now. */
const inMs = (work: number, end: number) => {
  const begin = performance.now();
  return { begin, work: begin + work, end: begin + end };
};

describe('ADD', () => {
  it('hands a chained plugin’s prevResult through as it came', async () => {
    const prevResult = { cniVersion: '1.1.0', ips: [{ address: '10.0.0.2/24' }], 'x.example/own': { deep: [1] } };
    const plugin = noting({ add: async (request) => request.prevResult! });
    expect((await call({}, { ...CONF, prevResult }, plugin)).json).toEqual(prevResult);
  });
  it('undoes in reverse order; the first error wins, failures of undos are told in the details', async () => {
    const undone: string[] = [];
    const plugin = noting({
      add: async (_, rollback) => {
        rollback.arm('first', async () => void undone.push('first'));
        rollback.arm('second', async () => {
          undone.push('second');
          throw new Error('stuck');
        });
        throw new CniError(100, 'no luck', 'because');
      },
    });
    const { json, exitCode } = await call({}, CONF, plugin);
    expect(undone).toEqual(['second', 'first']);
    expect(exitCode).toBe(1);
    expect(json).toEqual({
      cniVersion: '1.1.0',
      code: 100,
      msg: 'no luck',
      details: 'because; could not undo "second": stuck',
    });
  });
  it('undoes when it is interrupted, after the running step has settled', async () => {
    const order: string[] = [];
    const abort = new AbortController();
    const plugin = noting({
      add: async (request, rollback) => {
        rollback.arm('step', async () => void order.push('undo'));
        await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => setTimeout(resolve, 20)));
        order.push('settled');
        return RESULT;
      },
    });
    setTimeout(() => abort.abort(new CniError(11, 'interrupted', '')), 10);
    const invocation = { env: ENV, stdin: Buffer.from(JSON.stringify(CONF)) };
    const outcome = await dispatch(plugin.entry, invocation, new Trace('noting'), { abort });
    expect(order).toEqual(['settled', 'undo']);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 11 });
  });
  it('names the signal when a program that the same signal ended is noticed first', async () => {
    const abort = new AbortController();
    const plugin = noting({
      add: async () => {
        setTimeout(() => abort.abort(new CniError(11, 'interrupted', '')), 1);
        throw new CniError(5, 'a program was killed', '');
      },
    });
    const invocation = { env: ENV, stdin: Buffer.from(JSON.stringify(CONF)) };
    const outcome = await dispatch(plugin.entry, invocation, new Trace('noting'), { abort });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 11, msg: 'interrupted' });
  });
  it('can undo a result that nobody reads, and only then does', async () => {
    const undone: string[] = [];
    const plugin = noting({
      add: async (_, rollback) => {
        rollback.arm('lease', async () => void undone.push('lease'));
        return RESULT;
      },
    });
    const invocation = { env: ENV, stdin: Buffer.from(JSON.stringify(CONF)) };
    const outcome = await dispatch(plugin.entry, invocation, new Trace('noting'));
    expect(undone).toEqual([]);
    const error = await outcome.undo?.(Object.assign(new Error('EPIPE: broken pipe'), { code: 'EPIPE' }));
    expect(undone).toEqual(['lease']);
    expect(error).toMatchObject({ code: 5, details: 'EPIPE: broken pipe; it was undone' });
  });
  it('is undone at its deadline, which names the phase that hung, and so is one whose work never ends', async () => {
    for (const isDeaf of [false, true]) {
      const undone: string[] = [];
      const plugin = noting({
        add: (request, rollback) => {
          rollback.arm('link', async () => void undone.push('link'));
          const work = new Promise<never>((_, reject) => {
            if (!isDeaf) request.signal.addEventListener('abort', () => reject(new Error('killed')));
          });
          return request.phase('delegate', () => work);
        },
      });
      const invocation = { env: ENV, stdin: Buffer.from(JSON.stringify(CONF)) };
      const outcome = await dispatch(plugin.entry, invocation, new Trace('noting'), { limits: inMs(50, 5_000) });
      expect(undone).toEqual(['link']);
      expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 11, details: expect.stringContaining('delegate') });
    }
  });
  it('ends although an undo hangs, which is told', async () => {
    const undone: string[] = [];
    const plugin = noting({
      add: async (_, rollback) => {
        rollback.arm('first', async () => void undone.push('first'));
        rollback.arm('second', () => new Promise<never>(() => {}));
        throw new CniError(5, 'no luck', 'because');
      },
    });
    const invocation = { env: ENV, stdin: Buffer.from(JSON.stringify(CONF)) };
    const outcome = await dispatch(plugin.entry, invocation, new Trace('noting'), { limits: inMs(50, 100) });
    expect(undone).toEqual(['first']);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      code: 5,
      details: 'because; could not undo "second": it did not finish in time',
    });
  });
  it('turns any other error into code 999', async () => {
    const plugin = noting({ add: async () => Promise.reject(new TypeError('x is not y')) });
    expect((await call({}, CONF, plugin)).json).toMatchObject({ code: 999, msg: 'internal error' });
  });
});
