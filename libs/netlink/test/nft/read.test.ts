import { ENOENT } from '@flatnet/sys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dump, find, get } from '../../src/index.ts';
import { commit } from '../../src/nft/batch.ts';
import { getChain, listChains } from '../../src/nft/chain.ts';
import { addElements, deleteElements, flushSet, getElement } from '../../src/nft/element.ts';
import type { Expression } from '../../src/nft/expression.ts';
import { readElements } from '../../src/nft/read-elements.ts';
import { addRule, deleteRule, flushChain, listRules, type Rule } from '../../src/nft/rule.ts';
import { isSameRule } from '../../src/nft/same-rule.ts';
import { getSet, listSets } from '../../src/nft/set.ts';
import { deleteTable, getTable, listTables } from '../../src/nft/table.ts';
import { be16, byte, concat, ifname, ip, split } from '../../src/nft/value.ts';
import { type Host, openHost } from '../support/host.ts';
import { MESSAGES } from './ruleset.ts';

const T = { family: 'inet', table: 't' } as const;
let host: Host;
beforeAll(() => {
  host = openHost();
  commit(host.nft, MESSAGES);
});
afterAll(() => host.close());

describe('reads by key', () => {
  it('a table, a chain, a set, a map', () => {
    expect(get(host.nft, getTable(T))).toEqual({
      ...T,
      comment: 'of a test',
      handle: expect.any(BigInt) as bigint,
      flags: 0,
      uses: expect.any(Number) as number,
    });
    expect(get(host.nft, getChain({ ...T, chain: 'forward' }))).toMatchObject({
      base: { type: 'filter', hook: 'forward', priority: -150, policy: 'drop' },
    });
    expect(get(host.nft, getChain({ ...T, chain: 'admin' }))).toEqual({
      ...T,
      chain: 'admin',
      comment: "the administrator's",
      handle: expect.any(BigInt) as bigint,
      uses: expect.any(Number) as number,
    });
    expect(get(host.nft, getSet({ ...T, set: 'address6' }))).toMatchObject({
      key: ['ipv6_addr', 'inet_proto', 'inet_service'],
      keyLength: 24,
      data: ['ipv6_addr', 'inet_service'],
      isMap: true,
      interval: false,
      anonymous: false,
    });
    expect(get(host.nft, getSet({ ...T, set: 'macs' }))).toMatchObject({
      key: 'ether_addr',
      size: 16,
      comment: 'a set',
      isMap: false,
    });
    expect(get(host.nft, getSet({ ...T, set: 'hairpin' }))).toMatchObject({ data: 'verdict', isMap: true });
    expect(get(host.nft, getSet({ ...T, set: 'pairs' }))).toMatchObject({ interval: true });
  });

  it('an element with its data and comment', () => {
    const key = concat(ip('fd00::1'), byte(6), be16(80));
    const element = get(host.nft, getElement({ ...T, set: 'address6' }, key));
    expect(element).toEqual({ key, data: concat(ip('fd00::2'), be16(8080)), comment: 'hello' });
    expect(split(key, 16, 1, 2)).toEqual([ip('fd00::1'), byte(6), be16(80)]);
    expect(get(host.nft, getElement({ ...T, set: 'hairpin' }, ip('10.0.0.1'))).data).toEqual({ goto: 'admin' });
    expect(find(host.nft, getElement({ ...T, set: 'localnet' }, ifname('eth7')), ENOENT)).toBeUndefined();
  });
});

describe('lists', () => {
  it('tables, chains, sets and rules', () => {
    expect(dump(host.nft, listTables()).map(({ family, table }) => `${family} ${table}`)).toEqual([
      'inet t',
      'bridge b',
    ]);
    expect(dump(host.nft, listChains(T)).map(({ chain }) => chain)).toEqual([
      'admin',
      'prerouting',
      'postrouting',
      'forward',
    ]);
    const sets = dump(host.nft, listSets(T)).filter(({ anonymous }) => !anonymous);
    expect(sets.map(({ set }) => set).sort()).toEqual([
      'address6',
      'any4',
      'hairpin',
      'localnet',
      'macs',
      'marks',
      'nets',
      'pairs',
    ]);
    expect(dump(host.nft, listRules({ ...T, chain: 'prerouting' }))).toHaveLength(3);
    expect(dump(host.nft, listRules({ ...T, chain: 'none' }))).toEqual([]);
  });

  it('elements of ranges', () => {
    expect(readElements(host.nft, { ...T, set: 'pairs' })).toEqual([
      { key: concat(ip('10.0.0.0'), be16(80)), keyEnd: concat(ip('10.255.255.255'), be16(90)) },
    ]);
    const nets = readElements(host.nft, { ...T, set: 'nets' });
    expect(
      nets
        .filter(({ isEnd }) => isEnd !== true)
        .map(({ key }) => key.join('.'))
        .sort(),
    ).toEqual(['10.0.0.0', '12.0.0.1']);
  });
});

describe('rules', () => {
  const chain = { ...T, chain: 'admin' };
  const expressions: Expression[] = [
    { kind: 'meta', key: 'l4proto', to: 1 },
    { kind: 'cmp', from: 1, op: 'eq', value: byte(6) },
    { kind: 'counter' },
    { kind: 'lookup', set: 'localnet', from: 1 },
  ];
  const read = (): readonly Rule[] => dump(host.nft, listRules(chain));

  it('are the same as those that were wanted, or not', () => {
    const wanted = {
      ...chain,
      expressions: [...expressions, { kind: 'verdict', verdict: 'drop' } as const],
      comment: 'ours',
    };
    commit(host.nft, [addRule({ ...wanted, expressions: wanted.expressions.filter(({ kind }) => kind !== 'lookup') })]);
    const [rule] = read();
    if (rule === undefined) throw new Error('no rule');
    const without = { ...wanted, expressions: wanted.expressions.filter(({ kind }) => kind !== 'lookup') };
    expect(isSameRule(rule, without)).toBe(true);
    expect(isSameRule(rule, wanted)).toBe(false);
    expect(isSameRule(rule, { ...without, comment: 'others' })).toBe(false);
    expect(isSameRule(rule, { expressions: [...without.expressions].reverse(), comment: 'ours' })).toBe(false);
    expect(
      isSameRule(rule, {
        ...without,
        expressions: without.expressions.with(1, { kind: 'cmp', from: 1, op: 'eq', value: byte(17) }),
      }),
    ).toBe(false);
    expect(
      isSameRule(rule, {
        ...without,
        expressions: without.expressions.with(-1, { kind: 'verdict', verdict: { jump: 'drop' } }),
      }),
    ).toBe(false);
    commit(host.nft, [deleteRule(rule)]);
    expect(read()).toEqual([]);
  });

  it('of a translation are the same as those that were wanted', () => {
    const wanted: Expression[] = [
      { kind: 'immediate', to: 1, value: ip('10.1.1.1') },
      { kind: 'immediate', to: 2, value: be16(80) },
      { kind: 'nat', type: 'dnat', family: 'ip', address: 1, port: 2 },
    ];
    const nat = { ...T, chain: 'prerouting' };
    commit(host.nft, [addRule({ ...nat, expressions: wanted })]);
    const rule = dump(host.nft, listRules(nat)).at(-1);
    expect(rule).toBeDefined();
    expect(isSameRule(rule as Rule, { expressions: wanted })).toBe(true);
    commit(host.nft, [deleteRule(rule as Rule)]);
  });

  it('go with a flush', () => {
    const drop = { ...chain, expressions: [{ kind: 'verdict', verdict: 'drop' } as const] };
    commit(host.nft, [addRule(drop), addRule(drop)]);
    expect(new Set(read().map(({ handle }) => handle)).size).toBe(2);
    commit(host.nft, [flushChain(chain)]);
    expect(read()).toEqual([]);
  });
});

it('elements go by key, and all by a flush; a table goes with everything', () => {
  const set = { ...T, set: 'localnet' };
  commit(host.nft, [
    ...deleteElements(set, [{ key: ifname('eth0') }]),
    ...addElements(set, [{ key: ifname('eth1') }, { key: ifname('eth2') }]),
  ]);
  expect(
    readElements(host.nft, set)
      .map(({ key }) => String.fromCharCode(...key.subarray(0, 4)))
      .sort(),
  ).toEqual(['eth1', 'eth2']);
  commit(host.nft, [flushSet(set)]);
  expect(readElements(host.nft, set)).toEqual([]);
  commit(host.nft, [deleteTable(T), deleteTable({ family: 'bridge', table: 'b' })]);
  expect(host.run('nft', 'list', 'ruleset')).toBe('');
});
