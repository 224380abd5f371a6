import { afterEach, beforeEach, expect, it } from 'vitest';
import { batch, dump, get, request } from '../../src/index.ts';
import { commit } from '../../src/nft/batch.ts';
import { addChain, getChain } from '../../src/nft/chain.ts';
import { addRule } from '../../src/nft/rule.ts';
import { addTable } from '../../src/nft/table.ts';
import { native32 } from '../../src/nft/value.ts';
import { replaceClass } from '../../src/route/class.ts';
import { addFilter, deleteFilters, listFilters } from '../../src/route/filter.ts';
import { newLink } from '../../src/route/new-link.ts';
import {
  addIngress,
  isSameBucket,
  listQdiscs,
  replaceClasses,
  replaceTokenBucket,
  type TokenBucket,
} from '../../src/route/qdisc.ts';
import { getLink } from '../../src/route/read-link.ts';
import { handleOf, INGRESS_HANDLE } from '../../src/route/tc-header.ts';
import { type Host, openHost } from '../support/host.ts';

/** A veth and an ifb, once shaped by this library and once by tc and nft. */
let ours: Host;
let theirs: Host;
beforeEach(() => {
  [ours, theirs] = [openHost(), openHost()];
  for (const { route } of [ours, theirs]) {
    request(route, newLink({ kind: 'veth', name: 'v0', up: true, peer: { name: 'v1' } }));
    request(route, newLink({ kind: 'ifb', name: 'ifb9', up: true }));
  }
});
afterEach(() => [ours, theirs].forEach((host) => host.close()));

const indexOf = ({ route }: Host, name: string): number => get(route, getLink({ name })).index;

const listed = (host: Host, ...args: readonly string[]): string => host.run('tc', '-d', ...args);

it('classes whose leaf is a token bucket, and filters by source', () => {
  const index = indexOf(ours, 'v0');
  const parent = handleOf(0xf1a7);
  const filter = { index, parent, classId: handleOf(0xf1a7, 1) } as const;
  const wide = { index, parent, rate: 1_250_000_000, burst: 1_000_000, quantum: 60_000 } as const;
  expect(
    batch(ours.route, [
      replaceClasses(index, 2, { handle: parent }),
      replaceClass({ ...wide, handle: handleOf(0xf1a7, 1) }),
      replaceClass({ ...wide, handle: handleOf(0xf1a7, 2) }),
      replaceTokenBucket(
        index,
        { rate: 1_250_000, burst: 6_250, limit: 37_500 },
        { handle: handleOf(0xf1a8), parent: handleOf(0xf1a7, 2) },
      ),
      addFilter({ ...filter, preference: 100, match: { field: 'source', subnet: '10.128.0.0/9' } }),
      addFilter({ ...filter, preference: 101, match: { field: 'source', subnet: 'fd00::7/128' } }),
      addFilter({ ...filter, preference: 102, match: { field: 'source', subnet: '0.0.0.0/0' } }),
    ]),
  ).toEqual([]);
  const tc = (...args: readonly string[]) => theirs.run('tc', ...args);
  tc(...'qdisc replace dev v0 root handle f1a7: htb default 2'.split(' '));
  for (const id of ['1', '2']) {
    const rate = 'rate 10gbit ceil 10gbit burst 1000000 cburst 1000000 quantum 60000';
    tc(...`class replace dev v0 parent f1a7: classid f1a7:${id} htb ${rate}`.split(' '));
  }
  tc(...'qdisc replace dev v0 parent f1a7:2 handle f1a8: tbf rate 10mbit burst 6250 limit 37500'.split(' '));
  const add = 'filter add dev v0 parent f1a7: protocol';
  tc(...`${add} ip pref 100 u32 match ip src 10.128.0.0/9 flowid f1a7:1`.split(' '));
  tc(...`${add} ipv6 pref 101 u32 match ip6 src fd00::7/128 flowid f1a7:1`.split(' '));
  tc(...`${add} ip pref 102 u32 match ip src 0.0.0.0/0 flowid f1a7:1`.split(' '));
  for (const what of ['qdisc', 'class', 'filter']) {
    const list = [what, 'show', 'dev', 'v0'];
    expect(
      listed(ours, ...list)
        .split('\n')
        .sort(),
    ).toEqual(
      listed(theirs, ...list)
        .split('\n')
        .sort(),
    );
  }
});

it('what comes is redirected by a filter; preferences are deleted one by one', () => {
  const index = indexOf(ours, 'v0');
  const ifb = indexOf(ours, 'ifb9');
  const filter = { index, parent: INGRESS_HANDLE, classId: handleOf(1, 1) } as const;
  expect(
    batch(ours.route, [
      addIngress(index),
      addFilter({ ...filter, preference: 7, redirectTo: ifb }),
      addFilter({ ...filter, preference: 6, match: { field: 'destination', subnet: '10.1.0.0/16' } }),
      addFilter({ ...filter, preference: 5 }),
      deleteFilters(index, INGRESS_HANDLE, 5),
    ]),
  ).toEqual([]);
  const tc = (line: string) => theirs.run('tc', ...line.split(' '));
  tc('qdisc add dev v0 ingress');
  tc(
    'filter add dev v0 parent ffff: protocol all pref 7 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev ifb9',
  );
  tc('filter add dev v0 parent ffff: protocol ip pref 6 u32 match ip dst 10.1.0.0/16 flowid 1:1');
  const list = ['filter', 'show', 'dev', 'v0', 'parent', 'ffff:'];
  const withoutNumbers = (text: string): string => text.replace(/(index|id) \d+/g, '$1');
  expect(withoutNumbers(listed(ours, ...list))).toBe(withoutNumbers(listed(theirs, ...list)));
  expect(dump(ours.route, listFilters(index, INGRESS_HANDLE)).filter(({ classId }) => classId !== undefined)).toEqual([
    { kind: 'u32', preference: 6, classId: handleOf(1, 1) },
    { kind: 'u32', preference: 7, classId: handleOf(1, 1), redirectTo: ifb },
  ]);
});

it('a bucket of 64 bits is read as it was written, with what waits in it', () => {
  const index = indexOf(ours, 'v0');
  const bucket = { rate: 12_500_000_000, burst: 62_500_000, limit: 400_000_000 };
  request(ours.route, replaceTokenBucket(index, bucket, { handle: handleOf(0xf1a7) }));
  const qdisc = dump(ours.route, listQdiscs({ index })).find(({ handle }) => handle === handleOf(0xf1a7));
  expect(qdisc).toMatchObject({ kind: 'tbf', queue: { packets: 0, bytes: 0, drops: 0 } });
  expect(isSameBucket(qdisc?.bucket as TokenBucket, bucket)).toBe(true);
  expect(isSameBucket(qdisc?.bucket as TokenBucket, { ...bucket, burst: 62_000_000 })).toBe(false);
});

it('a chain of one device that forwards, as nft has it', () => {
  const at = { family: 'netdev', table: 'shape' } as const;
  const base = { type: 'filter', hook: 'ingress', priority: -450, policy: 'accept', device: 'v0' } as const;
  commit(ours.nft, [
    addTable(at),
    addChain({ ...at, chain: 'c', base }),
    addRule({
      ...at,
      chain: 'c',
      expressions: [
        { kind: 'immediate', to: 1, value: native32(indexOf(ours, 'ifb9')) },
        { kind: 'fwd', from: 1 },
      ],
    }),
  ]);
  theirs.run(
    'nft',
    'table netdev shape { chain c { type filter hook ingress device "v0" priority -450; fwd to "ifb9"; }; }',
  );
  expect(ours.run('nft', 'list', 'ruleset')).toBe(theirs.run('nft', 'list', 'ruleset'));
  expect(get(ours.nft, getChain({ ...at, chain: 'c' })).base).toEqual(base);
});
