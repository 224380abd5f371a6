import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/index.ts';
import { addChain, deleteChain } from '../../src/nft/chain.ts';
import { addElements, createElements, deleteElements } from '../../src/nft/element.ts';
import { CT_STATE, FIB_FLAGS, FIB_TYPE_LOCAL, registerAt } from '../../src/nft/expression.ts';
import { addRule, flushChain, insertRule } from '../../src/nft/rule.ts';
import { addSet, deleteSet } from '../../src/nft/set.ts';
import { addTable, deleteTable } from '../../src/nft/table.ts';
import { be16, byte, concat, ifname, ip, mask, native32 } from '../../src/nft/value.ts';
import { encoded, type Recorded, recorded } from './encode.ts';

const file = new URL('nft.json', import.meta.url);
const records = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Recorded>>;

const T = { family: 'inet', table: 't' } as const;
const C = { ...T, chain: 'c' };
const only = (messages: readonly Message[]): Message => {
  expect(messages).toHaveLength(1);
  return messages[0] as Message;
};
const isV4 = [
  { kind: 'meta', key: 'nfproto', to: 1 },
  { kind: 'cmp', from: 1, op: 'eq', value: byte(2) },
] as const;
const isTcp = [
  { kind: 'meta', key: 'l4proto', to: 1 },
  { kind: 'cmp', from: 1, op: 'eq', value: byte(6) },
] as const;
const l4 = (offset: number, length: number, to = 1) =>
  ({ kind: 'payload', base: 'transport', offset, length, to }) as const;

/** The same as the recorded commands of nftables 1.0.6. */
const messages: Readonly<Record<string, () => Message>> = {
  'add table': () => addTable(T),
  'create table': () => addTable({ family: 'ip6', table: 't6' }, true),
  'add table with comment': () => addTable({ family: 'inet', table: 'tc', comment: 'hello' }),
  'add chain': () => addChain(C),
  'create base chain': () =>
    addChain(
      { ...T, chain: 'forward', base: { type: 'filter', hook: 'forward', priority: -150, policy: 'drop' } },
      true,
    ),
  'create device chain': () =>
    addChain(
      {
        ...{ family: 'netdev', table: 'n', chain: 'c' },
        base: { type: 'filter', hook: 'ingress', priority: -450, policy: 'accept', device: 'v0' },
      },
      true,
    ),
  'add forward rule': () =>
    addRule({
      ...{ family: 'netdev', table: 'n', chain: 'c' },
      expressions: [
        { kind: 'immediate', to: 1, value: native32(4) },
        { kind: 'fwd', from: 1 },
      ],
    }),
  'add nat chain': () =>
    addChain({ ...T, chain: 'pre', base: { type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' } }),
  'add postrouting chain': () =>
    addChain({ ...T, chain: 'po', base: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' } }),
  'add set': () => addSet({ ...T, set: 'ifs', key: 'ifname', id: 1 }),
  'add sized set with comment': () =>
    addSet({ ...T, set: 'macs', key: 'ether_addr', size: 16, comment: 'a set', id: 1 }),
  'add interval set': () => addSet({ ...T, set: 'nets', key: 'ipv4_addr', interval: true, id: 1 }),
  'add verdict map': () => addSet({ ...T, set: 'v', key: 'ipv4_addr', data: 'verdict', id: 1 }),
  'add mark map': () => addSet({ ...T, set: 'marks', key: 'mark', data: 'mark', id: 1 }),
  'add element': () => only(addElements({ ...T, set: 'ifs', id: 1 }, [{ key: ifname('eth0') }])),
  'create verdict element': () =>
    only(createElements({ ...T, set: 'v', id: 4 }, [{ key: ip('10.0.0.1'), data: { goto: 'c' } }])),
  'add concat element with comment': () =>
    only(
      addElements({ ...T, set: 'any4', id: 6 }, [
        { key: concat(byte(6), be16(8080)), data: concat(ip('10.1.2.3'), be16(80)), comment: 'hello' },
      ]),
    ),
  'delete element': () => only(deleteElements({ ...T, set: 'v' }, [{ key: ip('10.0.0.1') }])),
  'rule jump': () =>
    addRule({
      ...T,
      chain: 'pre',
      comment: 'hi',
      expressions: [
        { kind: 'fib', result: 'type', flags: FIB_FLAGS.daddr, to: 1 },
        { kind: 'cmp', from: 1, op: 'eq', value: native32(FIB_TYPE_LOCAL) },
        { kind: 'verdict', verdict: { jump: 'c' } },
      ],
    }),
  'rule dnat': () =>
    addRule({
      ...T,
      chain: 'pre',
      expressions: [
        { kind: 'meta', key: 'l4proto', to: registerAt(0) },
        l4(2, 2, registerAt(1)),
        { kind: 'lookup', set: 'any4', id: 6, from: 1, to: 1 },
        { kind: 'nat', type: 'dnat', family: 'ip', address: registerAt(0), port: registerAt(1) },
      ],
    }),
  'rule vmap': () =>
    insertRule({
      ...C,
      expressions: [
        ...isV4,
        { kind: 'payload', base: 'network', offset: 16, length: 4, to: 1 },
        { kind: 'lookup', set: 'v', id: 4, from: 1, to: 0 },
      ],
    }),
  'rule masquerade': () =>
    addRule({
      ...T,
      chain: 'po',
      expressions: [
        ...isV4,
        { kind: 'payload', base: 'network', offset: 12, length: 3, to: 1 },
        { kind: 'cmp', from: 1, op: 'eq', value: ip('10.87.1.0').subarray(0, 3) },
        { kind: 'payload', base: 'network', offset: 16, length: 4, to: 1 },
        { kind: 'bitwise', from: 1, to: 1, length: 4, mask: mask(4, 4), xor: new Uint8Array(4) },
        { kind: 'cmp', from: 1, op: 'neq', value: ip('224.0.0.0') },
        { kind: 'masquerade' },
      ],
    }),
  'rule snat': () =>
    addRule({
      ...T,
      chain: 'po',
      expressions: [
        { kind: 'meta', key: 'nfproto', to: 1 },
        { kind: 'cmp', from: 1, op: 'eq', value: byte(10) },
        { kind: 'payload', base: 'network', offset: 8, length: 8, to: 1 },
        { kind: 'cmp', from: 1, op: 'eq', value: ip('fd00::').subarray(0, 8) },
        { kind: 'immediate', to: 1, value: ip('fd00::1') },
        { kind: 'nat', type: 'snat', family: 'ip6', address: 1 },
      ],
    }),
  'rule ports': () =>
    addRule({
      ...C,
      expressions: [
        ...isTcp,
        l4(2, 2),
        { kind: 'cmp', from: 1, op: 'gte', value: be16(80) },
        { kind: 'cmp', from: 1, op: 'lte', value: be16(90) },
        { kind: 'reject', type: 'tcp-reset', code: 0 },
      ],
    }),
  'rule set': () =>
    addRule({
      ...C,
      expressions: [
        { kind: 'meta', key: 'iifname', to: 1 },
        { kind: 'lookup', set: 'ifs', id: 1, from: 1 },
        { kind: 'counter' },
        { kind: 'verdict', verdict: 'drop' },
      ],
    }),
  'rule ct': () =>
    addRule({
      ...C,
      expressions: [
        { kind: 'ct', key: 'state', to: 1 },
        {
          kind: 'bitwise',
          from: 1,
          to: 1,
          length: 4,
          mask: native32(CT_STATE.established | CT_STATE.related),
          xor: native32(0),
        },
        { kind: 'cmp', from: 1, op: 'neq', value: native32(0) },
        { kind: 'verdict', verdict: 'accept' },
      ],
    }),
  'rule limit': () =>
    addRule({
      ...C,
      expressions: [
        { kind: 'limit', rate: 5n, unit: 1n, burst: 10, type: 'packets', inverted: false },
        { kind: 'verdict', verdict: 'return' },
      ],
    }),
  'rule mark': () =>
    addRule({
      ...C,
      expressions: [
        { kind: 'immediate', to: 1, value: native32(1) },
        { kind: 'meta-set', key: 'mark', from: 1 },
      ],
    }),
  'flush chain': () => flushChain(C),
  'delete set': () => deleteSet({ ...T, set: 'macs' }),
  'delete chain': () => deleteChain({ ...T, chain: 'forward' }),
  'delete table': () => deleteTable(T),
};

const NFTABLES = 10;

describe('messages are those that nft sends', () => {
  it.each(Object.keys(messages))('%s', (name) => {
    expect(records[name]).toBeDefined();
    expect(encoded((messages[name] as () => Message)())).toEqual(recorded(records[name] as Recorded, NFTABLES));
  });

  it('every recorded command is compared', () => {
    expect(Object.keys(records).sort()).toEqual([...Object.keys(messages), ...NOT_THE_SAME].sort());
  });
});

/**
 * What nft says in other words to the same effect: it also keeps which expression a type came from; it numbers the elements of a list; it
 * names the usual operation of `bitwise`. `test/nft/differential.test.ts` compares what comes of these.
 */
const NOT_THE_SAME = ['add concat map', 'add interval elements', 'rule mss'];
