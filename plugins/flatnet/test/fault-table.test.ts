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
/** What the program does, and how the error tells it. */
const FAULTS: Readonly<Record<string, readonly [(file: string) => RunResult | Promise<RunResult>, RegExp]>> = {
  fails: [() => ended({}), /boom/],
  'is missing': [
    (file) => Promise.reject(new ToolError(file, 'missing', `start ${file}`, 'it is not installed')),
    /it is not installed/,
  ],
  'is killed at its deadline': [
    () => ended({ exitCode: null, ending: 'timeout', stderr: '' }),
    /in time|timeout|stopped/,
  ],
  'prints too much': [() => ended({ exitCode: null, ending: 'overflow', stderr: '' }), /too large|overflow/],
};
const SETUPS = { short: CONF, guarded: { ...CONF, antiSpoof: true, clampMSS: true } };

/** The programs of an ADD that succeeds, as they were started. */
const programsOf = async (conf: object): Promise<readonly string[]> => {
  const world = new World();
  await world.add(conf);
  return world.kernel.calls.map(({ line }) => line);
};

/** Steps after whose failure ADD may go on: a transaction that is tried again in full, and settings that are not needed. */
const mayRecover = (program: string, fault: string): boolean =>
  program.startsWith('nft') || (fault === 'fails' && program.includes('sysctl'));

describe.each(Object.entries(SETUPS))('%s configuration', (_, conf) => {
  it.each(Object.keys(FAULTS))('a program that %s', async (fault) => {
    const programs = await programsOf(conf);
    expect(programs.length).toBeGreaterThan(5);
    const [happens, told] = FAULTS[fault]!;
    for (const [step, program] of programs.entries()) {
      const world = new World();
      world.kernel.intercept = ({ line }, index) => (index === step ? happens(line.split(' ')[0]!) : undefined);
      const failure = await world.add(conf).catch((error: unknown) => error);
      const where = `step ${step}, ${program}`;
      if (!(failure instanceof Error)) {
        expect(mayRecover(program, fault), where).toBe(true);
        expect(world.links, where).toHaveLength(2);
        continue;
      }
      expect(failure.message, where).toMatch(told);
      expect(world.links, where).toEqual([]);
      // The delegate is asked once the link exists, and whoever was asked is asked to undo.
      expect(['', 'ADD DEL'], where).toContain(world.asked.join(' '));
      expect(world.undoFailures, where).toEqual([]);
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
