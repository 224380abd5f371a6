import { expect, it } from 'vitest';
import { compileCommands } from '../../../src/nft/json/compile.ts';
import type { ElementTypes } from '../../../src/nft/json/elements.ts';
import { parseElements, printElements } from '../../../src/nft/json/elements.ts';
import { type Json, UnsupportedJson } from '../../../src/nft/json/json.ts';
import { printRule } from '../../../src/nft/json/print-rule.ts';
import { byte } from '../../../src/nft/value.ts';

const T = { family: 'inet', table: 't' } as const;
const rule = (...expr: readonly Json[]): Json => ({ add: { rule: { ...T, chain: 'c', expr } } });
const compile = (...commands: readonly Json[]) =>
  compileCommands(commands, (): ElementTypes => ({ key: 'ipv4_addr', data: 'verdict' }));

it.each<[string, Json]>([
  ['an unknown statement', rule({ queue: { num: 1 } })],
  ['an unknown field', rule({ match: { op: '==', left: { payload: { protocol: 'gre', field: 'key' } }, right: 1 } })],
  ['an unknown key of meta', rule({ match: { op: '==', left: { meta: { key: 'cgroup' } }, right: 1 } })],
  ['a translation without family', rule({ snat: { addr: '10.0.0.1' } })],
  [
    'an address that is none',
    rule({ match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: 'fd00::1' } }),
  ],
  [
    'a port that is none',
    rule({ match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 70_000 } }),
  ],
  ['a protocol that is none', rule({ match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tpc' } })],
  ['the beginning of a name', rule({ match: { op: '==', left: { meta: { key: 'oifname' } }, right: 'fl-*' } })],
  ['an unknown flag', rule({ masquerade: { flags: 'sticky' } })],
  ['a hook without priority', { add: { chain: { ...T, name: 'c', type: 'filter', hook: 'input' } } }],
  ['an unknown hook', { add: { chain: { ...T, name: 'c', type: 'filter', hook: 'ingress', prio: 0 } } }],
  ['an unknown verb', { destroy: { table: { family: 'inet', name: 't' } } }],
  ['an unknown object', { add: { flowtable: { ...T, name: 'f' } } }],
  ['an unknown type', { add: { set: { ...T, name: 's', type: 'mh_type' } } }],
  ['a map of no pairs', { add: { element: { ...T, name: 'm', elem: ['10.0.0.1'] } } }],
  ['an element that leads to no verdict', { add: { element: { ...T, name: 'm', elem: [['10.0.0.1', 80]] } } }],
  [
    'a key of too many fields',
    { add: { element: { ...T, name: 'm', elem: [[{ concat: ['10.0.0.1', 80] }, { drop: null }]] } } },
  ],
  ['nothing at all', null],
  ['two objects in one', { add: { table: { family: 'inet', name: 't' }, chain: {} } }],
])('%s is refused before anything is sent', (_name, command) => {
  expect(() => compile(command)).toThrow(UnsupportedJson);
});

it('says which command a message came from', () => {
  const set = { set: ['10.0.0.1', '10.0.0.2'] };
  const withSet = rule({ match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: set } });
  const { messages, commandOf } = compile(rule({ drop: null }), withSet, rule({ accept: null }));
  expect(messages.map(({ name }) => name)).toEqual([
    'NFT_MSG_NEWRULE',
    'NFT_MSG_NEWSET',
    'NFT_MSG_NEWSETELEM',
    'NFT_MSG_NEWRULE',
    'NFT_MSG_NEWRULE',
  ]);
  expect(commandOf).toEqual([0, 1, 1, 1, 2]);
});

it('types of a set come from the commands that make it, else from the caller', () => {
  const asked: string[] = [];
  const element = (name: string, elem: Json): Json => ({ add: { element: { ...T, name, elem: [elem] } } });
  compileCommands(
    [{ add: { set: { ...T, name: 'made', type: 'inet_service' } } }, element('made', 80), element('other', 81)],
    ({ set }) => {
      asked.push(set);
      return { key: 'inet_service' };
    },
  );
  expect(asked).toEqual(['other']);
});

it('elements are printed as they were read, ranges and prefixes too', () => {
  const types: ElementTypes = { key: 'ipv6_addr', data: 'verdict', interval: true };
  const list: Json[] = [
    ['::', { drop: null }],
    [{ prefix: { addr: '10::', len: 16 } }, { jump: { target: 'c' } }],
    [{ elem: { val: { range: ['fd00::1', 'fd00::6'] }, comment: 'some' } }, { accept: null }],
    [{ prefix: { addr: 'ff00::', len: 8 } }, { return: null }],
  ];
  expect(printElements(parseElements(list, types), types)).toEqual(list);
});

it('a rule of another program has no form here', () => {
  const sets = () => undefined;
  expect(printRule([{ kind: 'unknown', name: 'tproxy', data: new Uint8Array() }], 'inet', sets)).toBeUndefined();
  expect(printRule([{ kind: 'cmp', from: 1, op: 'eq', value: byte(1) }], 'inet', sets)).toBeUndefined();
  expect(printRule([{ kind: 'payload', base: 'network', offset: 12, length: 4, to: 1 }], 'inet', sets)).toBeUndefined();
});
