/** Two ADDs of one attachment at once: the loser undoes neither the winner's link nor its lease, however it ends. */
import { CniError, type IpamResult } from '@flatnet/cni';
import { createVeth, RtnetlinkError } from '@flatnet/kernel';
import type { FakeCall } from '@flatnet/kernel/testing';
import { expect, it } from 'vitest';
import { attachmentNames } from '../src/naming.ts';
import { ANSWER, CONF, NETNS, World } from './world.ts';

const names = attachmentNames('net', { containerId: 'c1', ifName: 'eth0' });

/** A delegate whose answers the test gives, one by one. */
class Delegate {
  readonly asked: ((answer: IpamResult | Error) => void)[] = [];

  constructor(readonly world: World) {
    Object.assign(world.deps, {
      delegateAdd: async () => {
        world.asked.push('ADD');
        const answer = await new Promise<IpamResult | Error>((resolve) => this.asked.push(resolve));
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
  }

  async waitFor(count: number): Promise<void> {
    while (this.asked.length < count) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The kernel does not answer: what it did is not known. */
const noAnswer = (): never => {
  throw new RtnetlinkError('timeout', 'attach', 'no answer', 0, 'ETIMEDOUT');
};
const creates = ({ change }: FakeCall): boolean => change?.do === 'create-veth' && change.host === names.hostVeth;

it.each(['a network that is new', 'a network whose bridge exists'])(
  '%s: B comes while the delegate of A is at work: B is refused, and asks and undoes nothing',
  async (network) => {
    const world = new World();
    if (network.includes('exists')) world.kernel.rtnetlink.add('', 'fl-net', 'bridge');
    const delegate = new Delegate(world);
    const a = world.add();
    await delegate.waitFor(1);
    await expect(world.add()).rejects.toMatchObject({ code: 100 });
    expect(world.undoFailures).toEqual([]);
    delegate.asked[0]!(ANSWER);
    await a;
    expect(world.asked).toEqual(['ADD']);
    expect(world.links).toHaveLength(2);
  },
);

it('A and B begin at the same moment: one of them attaches, the other undoes nothing', async () => {
  const world = new World();
  const outcomes = await Promise.allSettled([world.add(), world.add()]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(world.asked).toEqual(['ADD']);
  expect(world.links).toHaveLength(2);
});

it('B looks before A has created the link, and gets no answer to its own creation: what is there is not of B', async () => {
  const world = new World();
  world.kernel.intercept = (call) => {
    if (!creates(call)) return undefined;
    const { hostVeth: host, hostMac, containerMac, alternative } = names;
    const spec = { host, hostMac, container: 'eth0', containerMac, netns: NETNS, group: 7 };
    world.kernel.rtnetlink.apply(createVeth(spec));
    world.kernel.rtnetlink.apply({ do: 'add-alternative-name', name: host, alternative });
    return noAnswer();
  };
  await expect(world.add()).rejects.toMatchObject({ kind: 'timeout' });
  expect(world.undoFailures).toEqual([]);
  expect(world.asked).toEqual([]);
  expect(world.links).toHaveLength(2);
});

it('a creation that took effect without an answer is undone', async () => {
  const world = new World();
  world.kernel.intercept = (call) => {
    if (!creates(call)) return undefined;
    world.kernel.rtnetlink.apply(call.change!);
    return noAnswer();
  };
  await expect(world.add()).rejects.toMatchObject({ kind: 'timeout' });
  expect(world.links).toEqual([]);
  expect(world.asked).toEqual([]);
});

it('the delegate refuses A: link and lease are undone; then B attaches', async () => {
  const world = new World();
  const delegate = new Delegate(world);
  const a = world.add();
  await delegate.waitFor(1);
  delegate.asked[0]!(new CniError(11, 'busy'));
  await expect(a).rejects.toMatchObject({ code: 11 });
  expect(world.asked).toEqual(['ADD', 'DEL']);
  expect(world.links).toEqual([]);
  const b = world.add(CONF);
  await delegate.waitFor(2);
  delegate.asked[1]!(ANSWER);
  await b;
  expect(world.links).toHaveLength(2);
});

it('the bridge step of A fails after its lease: link and lease are undone', async () => {
  const world = new World();
  world.kernel.intercept = ({ change }) => {
    if (change?.do !== 'create-bridge') return undefined;
    throw new RtnetlinkError('failed', 'create', 'boom', 0);
  };
  await expect(world.add()).rejects.toThrow('boom');
  expect(world.asked).toEqual(['ADD', 'DEL']);
  expect(world.links).toEqual([]);
});
