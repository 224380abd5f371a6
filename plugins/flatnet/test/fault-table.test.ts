/** Each call of the kernel that ADD makes: it is refused, not answered, or its program misbehaves. Nothing is left, and the first error wins. */
import { CniError } from '@flatnet/cni';
import { ToolError, type RunResult } from '@flatnet/exec';
import { RtnetlinkError } from '@flatnet/kernel';
import type { FakeCall } from '@flatnet/kernel/testing';
import { describe, expect, it } from 'vitest';
import { CONF, World } from './world.ts';

const ended = (more: Partial<RunResult>): RunResult => ({
  exitCode: 1,
  stdout: '',
  stderr: 'boom',
  ending: 'exit',
  ...more,
});
const isProgram = ({ words }: FakeCall): boolean => words.startsWith('nft ');

/** What happens in place of a call, to a program and to a call of rtnetlink, and how the error tells it. */
interface Fault {
  readonly program: () => RunResult | Promise<RunResult>;
  readonly rtnetlink: () => never;
  readonly told: RegExp;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'is refused': {
    program: () => ended({}),
    rtnetlink: () => {
      throw new RtnetlinkError('failed', 'do it', 'boom', 0, 'EINVAL');
    },
    told: /boom/,
  },
  'cannot be made at all': {
    program: () => Promise.reject(new ToolError('nft', 'missing', 'start nft', 'it is not installed')),
    rtnetlink: () => {
      throw new RtnetlinkError('missing', 'do it', 'libc is not there', 0);
    },
    told: /it is not installed|libc is not there/,
  },
  'is not answered in time': {
    program: () => ended({ exitCode: null, ending: 'timeout', stderr: '' }),
    rtnetlink: () => {
      throw new RtnetlinkError('timeout', 'do it', 'no answer in time', 0, 'ETIMEDOUT');
    },
    told: /in time|timeout|stopped/,
  },
};
const SETUPS = { short: CONF, guarded: { ...CONF, antiSpoof: true, clampMSS: true } };

/** The calls of an ADD that succeeds. */
const callsOf = async (conf: object): Promise<readonly FakeCall[]> => {
  const world = new World();
  await world.add(conf);
  return world.kernel.calls;
};

describe.each(Object.entries(SETUPS))('%s configuration', (_, conf) => {
  it.each(Object.keys(FAULTS))('a call that %s', async (name) => {
    const calls = await callsOf(conf);
    expect(calls.length).toBeGreaterThan(15);
    const fault = FAULTS[name]!;
    for (const [step, { words }] of calls.entries()) {
      const world = new World();
      world.kernel.intercept = (call, index) => {
        if (index !== step) return undefined;
        return isProgram(call) ? fault.program() : fault.rtnetlink();
      };
      const failure = await world.add(conf).catch((error: unknown) => error);
      const where = `step ${step}, ${words}`;
      if (!(failure instanceof Error)) {
        // A transaction that is tried again in full.
        expect(words, where).toMatch(/^nft /);
        expect(world.links, where).toHaveLength(2);
        continue;
      }
      expect(failure.message, where).toMatch(fault.told);
      expect(world.links, where).toEqual([]);
      // The delegate is asked once the link exists, and asked to undo whenever it was asked.
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

/** Calls that the kernel refuses. */
const refusing = (world: World, isRefused: (call: FakeCall) => boolean): void => {
  world.kernel.intercept = (call) => {
    if (!isRefused(call)) return undefined;
    if (isProgram(call)) return ended({});
    throw new RtnetlinkError('failed', 'do it', 'boom', 0, 'EINVAL');
  };
};
const deletes = ({ change }: FakeCall): boolean => change?.do === 'delete-link';

it('a link that cannot be taken back keeps its address', async () => {
  const world = new World();
  refusing(world, (call) => call.change?.do === 'append-route' || deletes(call));
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
  refusing(world, isProgram);
  await expect(world.del(conf)).rejects.toThrow('boom');
  expect(world.links).toEqual([]);
  expect(world.asked).toEqual(['ADD', 'DEL']);
});

it('DEL keeps the lease of a link that cannot be removed', async () => {
  const world = new World();
  await world.add();
  refusing(world, deletes);
  await expect(world.del()).rejects.toThrow('boom');
  expect(world.asked).toEqual(['ADD']);
});
