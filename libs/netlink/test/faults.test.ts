import { ENODEV, ENOENT, SysError } from '@flatnet/sys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batch, find, get, NETLINK_ROUTE, NetlinkError, openSocket, request } from '../src/index.ts';
import { attempt, commit } from '../src/nft/batch.ts';
import { addChain, deleteChain } from '../src/nft/chain.ts';
import { addElements, createElements, deleteElements, getElement } from '../src/nft/element.ts';
import { getGeneration } from '../src/nft/generation.ts';
import { addRule } from '../src/nft/rule.ts';
import { addSet } from '../src/nft/set.ts';
import { addTable, getTable } from '../src/nft/table.ts';
import { ip } from '../src/nft/value.ts';
import { newLink } from '../src/route/new-link.ts';
import { getLink } from '../src/route/read-link.ts';
import { addRoute } from '../src/route/route.ts';
import { deleteLink, setLink } from '../src/route/set-link.ts';
import { type Host, openHost, sys } from './support/host.ts';
import { runProgram } from './support/program.ts';

let host: Host;
beforeAll(() => {
  host = openHost();
});
afterAll(() => host.close());

const refusal = (work: () => unknown): NetlinkError => {
  try {
    work();
  } catch (error) {
    if (error instanceof NetlinkError) return error;
    throw error;
  }
  throw new Error('the kernel took it');
};

describe('rtnetlink refuses', () => {
  it('a second link of a name, and says it in its own words', () => {
    const bridge = newLink({ kind: 'bridge', name: 'twice' });
    request(host.route, bridge);
    expect(refusal(() => request(host.route, bridge))).toMatchObject({
      request: 'RTM_NEWLINK',
      code: 'EEXIST',
      index: 0,
    });
    const route = addRoute({ destination: '10.9.0.0/16', gateway: '10.200.0.1' });
    expect(refusal(() => request(host.route, route))).toMatchObject({
      code: 'ENETUNREACH',
      reason: 'Nexthop has invalid gateway',
      message: 'RTM_NEWROUTE: ENETUNREACH (Nexthop has invalid gateway)',
    });
    const outOfRange = newLink({ kind: 'bridge', name: 'huge', mtu: 70_000 });
    expect(refusal(() => request(host.route, outOfRange)).reason).toBe('mtu greater than device maximum');
  });

  it('what is not there', () => {
    expect(refusal(() => get(host.route, getLink({ name: 'none' })))).toMatchObject({ code: 'ENODEV' });
    expect(refusal(() => get(host.route, getLink({ index: 4000 })))).toMatchObject({ code: 'ENODEV' });
    expect(refusal(() => request(host.route, deleteLink({ altName: 'a-name-that-no-link-has' })))).toMatchObject({
      code: 'ENODEV',
    });
    expect(find(host.route, getLink({ altName: 'a-name-that-no-link-has' }), ENODEV)).toBeUndefined();
  });

  it('one of many, names it by its place, and does the others', () => {
    const failures = batch(host.route, [
      newLink({ kind: 'bridge', name: 'first' }),
      setLink({ name: 'none' }, { up: true }),
      newLink({ kind: 'bridge', name: 'first' }),
      newLink({ kind: 'bridge', name: 'last' }),
    ]);
    expect(failures.map(({ index, code }) => [index, code])).toEqual([
      [1, 'ENODEV'],
      [2, 'EEXIST'],
    ]);
    expect(get(host.route, getLink({ name: 'last' })).kind).toBe('bridge');
  });

  it('one of more than go in one datagram', () => {
    const many = Array.from({ length: 200 }, (_, n) =>
      setLink(n === 150 ? { name: 'none' } : { index: 1 }, { mtu: 1500 + n }),
    );
    expect(batch(host.route, many).map(({ index, code }) => [index, code])).toEqual([[150, 'ENODEV']]);
    expect(get(host.route, getLink({ index: 1 })).mtu).toBe(1699);
  });

  it('a name that is too long before the kernel cuts it', () => {
    expect(() => request(host.route, newLink({ kind: 'bridge', name: 'a234567890123456' }))).toThrow(RangeError);
    expect(() => get(host.route, getLink({ name: '' }))).toThrow(RangeError);
  });
});

const T = { family: 'inet', table: 'faults' } as const;
const SET = { ...T, set: 'claims' };
const element = { key: ip('10.0.0.1'), data: 'accept' } as const;

describe('nf_tables refuses', () => {
  beforeAll(() =>
    commit(host.nft, [
      addTable(T),
      addChain({ ...T, chain: 'c' }),
      addSet({ ...SET, key: 'ipv4_addr', data: 'verdict' }),
    ]),
  );

  it('a claim of what is taken, by its place, and nothing else happens', () => {
    commit(host.nft, createElements(SET, [element]));
    const second = [...addElements(SET, [{ key: ip('10.0.0.2'), data: 'drop' }]), ...createElements(SET, [element])];
    expect(refusal(() => commit(host.nft, second))).toMatchObject({
      request: 'NFT_MSG_NEWSETELEM',
      code: 'EEXIST',
      index: 1,
    });
    expect(find(host.nft, getElement(SET, ip('10.0.0.2')), ENOENT)).toBeUndefined();
    expect(get(host.nft, getElement(SET, ip('10.0.0.1')))).toEqual(element);
    // Adding the same again is no change.
    commit(host.nft, addElements(SET, [element]));
  });

  it('all that it refuses at once, in order', () => {
    const failures = attempt(host.nft, [
      ...deleteElements(SET, [{ key: ip('10.9.9.9') }]),
      addChain({ ...T, chain: 'd' }),
      ...deleteElements(SET, [{ key: ip('10.9.9.8') }]),
      addRule({ ...T, chain: 'none', expressions: [] }),
    ]);
    expect(failures.map(({ index, code }) => [index, code])).toEqual([
      [0, 'ENOENT'],
      [2, 'ENOENT'],
      [3, 'ENOENT'],
    ]);
  });

  it('to remove a chain that is in use', () => {
    commit(host.nft, [addRule({ ...T, chain: 'c', expressions: [{ kind: 'verdict', verdict: 'drop' }] })]);
    commit(host.nft, [
      addChain({ ...T, chain: 'target' }),
      ...addElements(SET, [{ key: ip('10.0.0.3'), data: { jump: 'target' } }]),
    ]);
    expect(refusal(() => commit(host.nft, [deleteChain({ ...T, chain: 'target' })]))).toMatchObject({
      code: 'EBUSY',
      index: 0,
    });
  });

  it('what was made for another ruleset than the one that is there', () => {
    const generation = get(host.nft, getGeneration());
    commit(host.nft, addElements(SET, [{ key: ip('10.0.0.4'), data: 'drop' }]), { generation });
    const stale = addElements(SET, [{ key: ip('10.0.0.5'), data: 'drop' }]);
    expect(refusal(() => commit(host.nft, stale, { generation }))).toMatchObject({ code: 'ERESTART', index: -1 });
    expect(find(host.nft, getElement(SET, ip('10.0.0.5')), ENOENT)).toBeUndefined();
    // The socket is as good as before.
    expect(get(host.nft, getTable(T)).table).toBe('faults');
    expect(get(host.nft, getGeneration())).toBe(generation + 1);
  });

  it('what it does not have, and an empty transaction is no change', () => {
    expect(refusal(() => get(host.nft, getTable({ family: 'ip6', table: 'faults' })))).toMatchObject({
      code: 'ENOENT',
    });
    expect(refusal(() => get(host.nft, getElement({ ...T, set: 'none' }, ip('10.0.0.1'))))).toMatchObject({
      code: 'ENOENT',
    });
    const before = get(host.nft, getGeneration());
    commit(host.nft, []);
    expect(get(host.nft, getGeneration())).toBe(before);
  });
});

describe('namespaces', () => {
  it('that are not there', () => {
    const open = () => openSocket(sys, NETLINK_ROUTE, { netns: '/run/netns/no-such-namespace' });
    expect(open).toThrow(SysError);
    expect(open).toThrow(expect.objectContaining({ call: 'open', errno: ENOENT }) as Error);
  });

  it('live on as long as a socket in them', () => {
    const short = openHost();
    short.run('ip', 'link', 'set', 'lo', 'up');
    short.run('ip', 'link', 'set', 'lo', 'alias', 'still here');
    const kept = openSocket(sys, NETLINK_ROUTE, { netns: short.path });
    short.close();
    expect(get(kept, getLink({ name: 'lo' })).alias).toBe('still here');
    sys.close(kept.fd);
  });
});

it('a process without rights is refused, and the process goes on', () => {
  const program = `
    import { openNodeSys } from '@flatnet/sys/node';
    import { NETLINK_NETFILTER, NETLINK_ROUTE, openSocket, get, request } from '../../src/index.ts';
    import { commit } from '../../src/nft/batch.ts';
    import { addTable } from '../../src/nft/table.ts';
    import { newLink } from '../../src/route/new-link.ts';
    import { getLink } from '../../src/route/read-link.ts';
    const sys = openNodeSys();
    const route = openSocket(sys, NETLINK_ROUTE), nft = openSocket(sys, NETLINK_NETFILTER);
    const what = (work) => { try { work(); return 'done'; } catch (error) { return [error.request, error.code, error.index]; } };
    console.log(JSON.stringify([
      what(() => request(route, newLink({ kind: 'bridge', name: 'denied' }))),
      what(() => commit(nft, [addTable({ family: 'inet', table: 'denied' }), addTable({ family: 'ip', table: 'denied' })])),
      get(route, getLink({ name: 'lo' })).name,
    ]));`;
  const result = runProgram(program, 'ip', 'netns', 'exec', host.name, 'unshare', '--user');
  expect(result.stderr).toBe('');
  expect(JSON.parse(result.stdout)).toEqual([['RTM_NEWLINK', 'EPERM', 0], ['NFNL_MSG_BATCH_BEGIN', 'EPERM', -1], 'lo']);
});
