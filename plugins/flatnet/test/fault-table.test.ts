/** For every program that ADD runs: it fails, is missing, hangs (is killed), prints garbage. Nothing is left, and the first error wins. */
import { CniError } from '@flatnet/cni';
import { ToolError, type RunResult } from '@flatnet/exec';
import { describe, expect, it } from 'vitest';
import { CONF, World } from './world.ts';

const ended = (more: Partial<RunResult>): RunResult => ({
  exitCode: 1,
  stdout: '',
  stderr: 'boom',
  ending: 'exit',
  ...more,
});
const FAULTS: Readonly<Record<string, (file: string) => RunResult | Promise<RunResult>>> = {
  fails: () => ended({}),
  'is missing': (file) => Promise.reject(new ToolError(file, 'missing', `start ${file}`, 'it is not installed')),
  'is killed at its deadline': () => ended({ exitCode: null, ending: 'timeout' }),
  'prints too much': () => ended({ exitCode: null, ending: 'overflow' }),
};
const SETUPS = { short: CONF, guarded: { ...CONF, antiSpoof: true, clampMSS: true } };

const stepsOf = async (conf: object): Promise<number> => {
  const world = new World();
  await world.add(conf);
  return world.kernel.calls.length;
};

describe.each(Object.entries(SETUPS))('%s configuration', (_, conf) => {
  it.each(Object.keys(FAULTS))('a program that %s', async (fault) => {
    const steps = await stepsOf(conf);
    expect(steps).toBeGreaterThan(5);
    for (let step = 0; step < steps; step++) {
      const world = new World();
      world.kernel.intercept = ({ line }, index) => (index === step ? FAULTS[fault]!(line.split(' ')[0]!) : undefined);
      const failure = await world.add(conf).catch((error: unknown) => error);
      // nft is told its transaction failed: what it then tries in full may succeed.
      if (!(failure instanceof Error)) continue;
      expect(failure.message, `step ${step}`).toMatch(/boom|not installed|in time|too large|stopped|ip:|nft:|sysctl:/);
      expect(world.links, `step ${step}`).toEqual([]);
      expect(world.asked, `step ${step}`).toEqual(['ADD', 'DEL']);
      expect(world.undoFailures, `step ${step}`).toEqual([]);
    }
  });
});

it('the delegate refuses: its error wins, its DEL is called, no link is left', async () => {
  const world = new World();
  world.refusals.set('ADD', new CniError(101, 'no address left'));
  await expect(world.add()).rejects.toMatchObject({ code: 101 });
  expect(world.asked).toEqual(['ADD', 'DEL']);
  expect(world.links).toEqual([]);
});

it('a link that cannot be taken back keeps its address', async () => {
  const world = new World();
  world.kernel.intercept = ({ line, input }) =>
    line.startsWith('ip -n') || input.includes('link delete') ? ended({ exitCode: 2, stderr: 'boom' }) : undefined;
  await expect(world.add()).rejects.toThrow('boom');
  expect(world.undoFailures).toEqual([expect.stringContaining('could not undo "link fl')]);
  expect(world.links).toHaveLength(2);
  expect(world.asked).toEqual(['ADD']);
});

it('undoing fails too: the first error wins, the other is reported', async () => {
  const world = new World();
  world.refusals.set('ADD', new CniError(101, 'no address left'));
  world.refusals.set('DEL', new CniError(5, 'disk is gone'));
  await expect(world.add()).rejects.toThrow('no address left');
  expect(world.undoFailures).toEqual([expect.stringContaining('disk is gone')]);
});

it('DEL goes on: a guard that cannot be removed keeps neither link nor lease', async () => {
  const world = new World();
  const conf = { ...CONF, antiSpoof: true };
  await world.add(conf);
  world.kernel.intercept = ({ line }) => (line.startsWith('nft') ? ended({}) : undefined);
  await expect(world.del(conf)).rejects.toThrow('boom');
  expect(world.links).toEqual([]);
  expect(world.asked).toEqual(['ADD', 'DEL']);
});

it('DEL keeps the lease of a link that cannot be removed', async () => {
  const world = new World();
  await world.add();
  world.kernel.intercept = ({ input }) => (input.includes('delete') ? ended({}) : undefined);
  await expect(world.del()).rejects.toThrow('boom');
  expect(world.asked).toEqual(['ADD']);
});
