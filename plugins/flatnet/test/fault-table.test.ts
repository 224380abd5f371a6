/** Each call of the kernel that ADD makes: it is refused, not answered, or cannot be made. Nothing is left, and the first error wins. */
import { CniError } from '@flatnet/cni';
import { ToolError, type ToolErrorKind } from '@flatnet/exec';
import { RtnetlinkError } from '@flatnet/kernel';
import type { FakeCall } from '@flatnet/kernel/testing';
import { describe, expect, it } from 'vitest';
import { CONF, World } from './world.ts';

const isOfNft = ({ words }: FakeCall): boolean => words.startsWith('nft ');

/** What the kernel answers in place of doing it, by nf_tables and by rtnetlink, and how the error tells it. */
interface Fault {
  readonly kind: ToolErrorKind;
  readonly said: string;
  readonly code: string;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'is refused': { kind: 'failed', said: 'boom', code: 'EINVAL' },
  'cannot be made at all': { kind: 'missing', said: 'libc is not there', code: '' },
  'is not answered in time': { kind: 'timeout', said: 'no answer in time', code: 'ETIMEDOUT' },
};
const refuse = (call: FakeCall, { kind, said, code }: Fault): never => {
  throw isOfNft(call) ? new ToolError('nft', kind, 'do it', said) : new RtnetlinkError(kind, 'do it', said, 0, code);
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
        if (index === step) refuse(call, fault);
        return undefined;
      };
      const failure = await world.add(conf).catch((error: unknown) => error);
      const where = `step ${step}, ${words}`;
      if (!(failure instanceof Error)) {
        // A transaction that is tried again in full.
        expect(words, where).toMatch(/^nft /);
        expect(world.links, where).toHaveLength(2);
        continue;
      }
      expect(failure.message, where).toContain(fault.said);
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
    if (isRefused(call)) refuse(call, FAULTS['is refused']!);
    return undefined;
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
  refusing(world, isOfNft);
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
