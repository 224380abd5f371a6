import { parseCidr } from '@flatnet/addressing';
import { describe, expect, it } from 'vitest';
import { describePlace, type Table } from '../src/index.ts';
import { ACCEPT, ANSWERS, ct, DROP, judged, match, meta, payload, recorded, REJECT, table } from './rulesets.ts';

type State = 'passes' | 'blocked' | 'unknown';
type Row = readonly [what: string, tables: readonly Table[], outgoing: State, published: State];

const prefix = (addr: string, len: number): object => ({ prefix: { addr, len } });
const source = payload('ip', 'saddr');
const target = payload('ip', 'daddr');
const drop = { policy: 'drop' };
const [iif, oif] = [meta('iifname'), meta('oifname')];
const from = (right: unknown, op = '=='): object => match(iif, right, op);
const to = (right: unknown, op = '=='): object => match(oif, right, op);
const inside = prefix('10.60.0.0', 24);
const set = (name: string, elem: readonly unknown[], more: object = {}): object => ({
  set: { family: 'inet', table: 'fw', name, elem, ...more },
});
const jump = (name: string): object => ({ jump: { target: name } });
const goTo = (name: string): object => ({ goto: { target: name } });
const opaque = (name: string, type = 'match'): object => ({ xt: { type, name } });

const rows: readonly Row[] = [
  ['nothing', [], 'passes', 'passes'],
  ['a chain of another hook', table([[DROP]], { family: 'bridge' }), 'passes', 'passes'],
  ['a table of the other family', table([[DROP]], { family: 'ip6' }), 'passes', 'passes'],
  ['policy drop', table([], drop), 'blocked', 'blocked'],
  ['a last rule that drops', table([ANSWERS, [DROP]]), 'blocked', 'blocked'],
  ['a last rule that rejects', table([ANSWERS, [REJECT]]), 'blocked', 'blocked'],
  [
    'both addresses',
    table(
      [
        [match(source, inside), ACCEPT],
        [match(target, inside), ACCEPT],
      ],
      drop,
    ),
    'passes',
    'passes',
  ],
  ['a larger prefix', table([[match(source, prefix('10.0.0.0', 8)), ACCEPT], ANSWERS], drop), 'passes', 'unknown'],
  ['the source only: no answers', table([[match(source, inside), ACCEPT]], drop), 'blocked', 'blocked'],
  ['another prefix', table([[match(source, prefix('10.61.0.0', 24)), ACCEPT], ANSWERS], drop), 'blocked', 'unknown'],
  ['half of the prefix', table([[match(source, prefix('10.60.0.0', 25)), ACCEPT], ANSWERS], drop), 'passes', 'blocked'],
  ['the last address only', table([[match(source, '10.60.0.255'), ACCEPT], ANSWERS], drop), 'unknown', 'blocked'],
  [
    'a range',
    table([[match(source, { range: ['10.60.0.0', '10.60.1.9'] }), ACCEPT], ANSWERS], drop),
    'passes',
    'unknown',
  ],
  [
    'not another prefix',
    table([[match(source, prefix('10.61.0.0', 24), '!='), ACCEPT], ANSWERS], drop),
    'passes',
    'passes',
  ],
  ['the interface', table([[from('br0'), ACCEPT], ANSWERS], drop), 'passes', 'blocked'],
  ['interfaces by a wildcard', table([[from('br*'), ACCEPT], ANSWERS], drop), 'passes', 'blocked'],
  ['another wildcard', table([[from('br-*'), ACCEPT], ANSWERS], drop), 'blocked', 'blocked'],
  ['the interface in a set', table([[from({ set: ['lo', 'br0'] }), ACCEPT], ANSWERS], drop), 'passes', 'blocked'],
  ['not the interface', table([[from('br0', '!='), ACCEPT]], drop), 'blocked', 'blocked'],
  ['the uplink', table([[from('br0'), to('eth0'), ACCEPT], ANSWERS], drop), 'passes', 'blocked'],
  ['another uplink', table([[from('br0'), to('eth1'), ACCEPT], ANSWERS], drop), 'unknown', 'blocked'],
  ['no uplink', table([[from('br0'), to('docker0'), ACCEPT], ANSWERS], drop), 'blocked', 'blocked'],
  ['all but the own bridge', table([[from('br0'), to('br0', '!='), ACCEPT], ANSWERS], drop), 'passes', 'blocked'],
  ['new connections only', table([[match(ct('state'), 'new', 'in'), ACCEPT]], drop), 'blocked', 'blocked'],
  [
    'published ports',
    table([[from('br0'), ACCEPT], ANSWERS, [match(ct('status'), 'dnat', 'in'), ACCEPT]], drop),
    'passes',
    'passes',
  ],
  [
    'ping only',
    table(
      [
        [match(meta('l4proto'), 'icmp'), ACCEPT],
        [match(payload('icmp', 'type'), 'echo-request'), ACCEPT],
      ],
      drop,
    ),
    'blocked',
    'blocked',
  ],
  ['TCP only', table([[match(meta('l4proto'), 'tcp'), ACCEPT]], drop), 'blocked', 'blocked'],
  ['TCP and UDP', table([[match(payload('ip', 'protocol'), { set: ['tcp', 17] }), ACCEPT]], drop), 'passes', 'passes'],
  [
    'some ports',
    table([[match(payload('th', 'dport'), { set: [53, { range: [80, 443] }] }), ACCEPT], ANSWERS], drop),
    'passes',
    'passes',
  ],
  ['one port that is refused', table([[match(payload('tcp', 'dport'), 25), REJECT]]), 'passes', 'passes'],
  ['some places that are refused', table([[match(target, prefix('192.168.0.0', 16)), DROP]]), 'passes', 'passes'],
  [
    'a network outside only',
    table([[match(target, prefix('192.168.0.0', 16)), ACCEPT], ANSWERS], drop),
    'unknown',
    'blocked',
  ],
  [
    'a chain that accepts',
    table([[jump('ours')]], { policy: 'drop', chains: { ours: [[ACCEPT]] } }),
    'passes',
    'passes',
  ],
  [
    'a chain that returns',
    table([[jump('ours')], [DROP]], { chains: { ours: [[{ return: null }], [ACCEPT]] } }),
    'blocked',
    'blocked',
  ],
  [
    'goto, whose end is the policy',
    table([[goTo('ours')], [ACCEPT]], { policy: 'drop', chains: { ours: [] } }),
    'blocked',
    'blocked',
  ],
  [
    'goto in a jump, back behind it',
    table([[jump('a')], [ACCEPT]], { policy: 'drop', chains: { a: [[goTo('b')], [DROP]], b: [] } }),
    'passes',
    'passes',
  ],
  [
    'a verdict map of states',
    table([
      [
        {
          vmap: {
            key: ct('state'),
            data: {
              set: [
                ['established', ACCEPT],
                ['invalid', DROP],
              ],
            },
          },
        },
      ],
      [from('br0'), ACCEPT],
      [DROP],
    ]),
    'passes',
    'blocked',
  ],
  [
    'a named verdict map',
    table([[{ vmap: { key: iif, data: '@ways' } }], ANSWERS, [DROP]], {
      objects: [set('ways', [['br*', jump('ours')]])],
      chains: { ours: [[ACCEPT]] },
    }),
    'passes',
    'blocked',
  ],
  [
    'a named set',
    table([[match(source, '@nets'), ACCEPT], ANSWERS], {
      policy: 'drop',
      objects: [set('nets', ['1.2.3.4', prefix('10.60.0.0', 16)])],
    }),
    'passes',
    'unknown',
  ],
  [
    'a named set without it',
    table([[match(source, '@nets'), ACCEPT], ANSWERS], { policy: 'drop', objects: [set('nets', ['1.2.3.4'])] }),
    'blocked',
    'unknown',
  ],
  [
    'a set that packets fill',
    table([[match(source, '@nets'), DROP]], { objects: [set('nets', [], { flags: ['timeout'] })] }),
    'unknown',
    'unknown',
  ],
  [
    'a concatenation',
    table([[match({ concat: [iif, source] }, { set: [{ concat: ['br0', inside] }] }), ACCEPT], ANSWERS], drop),
    'passes',
    'blocked',
  ],
  ['an IPv6 address', table([[match(payload('ip6', 'saddr'), '::1', '!='), DROP]]), 'passes', 'passes'],
  [
    'what has too many connections',
    table([
      [{ 'ct count': { val: 100, inv: true } }, DROP],
      [{ limit: { rate: 1, inv: true } }, DROP],
    ]),
    'passes',
    'passes',
  ],
  [
    'a mark that packets may have',
    table([[match({ '&': [meta('mark'), 16384] }, 16384), ACCEPT]], drop),
    'unknown',
    'unknown',
  ],
  [
    'new connections without SYN',
    table([
      [
        match({ '&': [payload('tcp', 'flags'), ['fin', 'syn', 'rst', 'ack']] }, 'syn', '!='),
        match(ct('state'), 'new'),
        DROP,
      ],
    ]),
    'passes',
    'passes',
  ],
  ['an opaque match that accepts', table([[opaque('set'), ACCEPT]], drop), 'unknown', 'unknown'],
  ['an opaque match that drops', table([[opaque('set'), DROP]]), 'unknown', 'unknown'],
  ['an opaque match before a drop of all', table([[opaque('set'), DROP], [DROP]]), 'blocked', 'blocked'],
  ['an opaque match of another bridge', table([[from('docker0'), opaque('set'), DROP]]), 'passes', 'passes'],
  ['an opaque target of old nft', table([[{ xt: null }]]), 'unknown', 'unknown'],
  ['REJECT of iptables', table([[opaque('LOG', 'target')], [opaque('REJECT', 'target')]]), 'blocked', 'blocked'],
  ['a queue', table([[{ queue: { num: 1 } }]]), 'unknown', 'unknown'],
  ['a statement of the future', table([[{ teleport: null }], [ACCEPT]]), 'unknown', 'unknown'],
  ['ufw', recorded('ufw'), 'blocked', 'blocked'],
  ['ufw after its remedy', recorded('ufw-allowed'), 'passes', 'blocked'],
  ['ufw after both remedies', recorded('ufw-published'), 'passes', 'passes'],
  ['Docker', recorded('docker'), 'blocked', 'blocked'],
  ['Docker after its remedy', recorded('docker-allowed'), 'passes', 'blocked'],
  ['Docker after both remedies', recorded('docker-published'), 'passes', 'passes'],
];

it.each(rows)('%s', (_, tables, outgoing, published) => {
  const judgement = judged(tables);
  expect(
    { outgoing: judgement.outgoing.state, published: judgement.published.state },
    JSON.stringify(judgement),
  ).toEqual({
    outgoing,
    published,
  });
});

describe('several chains', () => {
  it('a drop in any of them is a drop, whatever another accepts', () => {
    expect(judged([...table([[ACCEPT]]), ...table([], { policy: 'drop', family: 'ip' })]).outgoing).toMatchObject({
      state: 'blocked',
      place: { family: 'ip', table: 'fw', chain: 'forward', base: 'forward' },
    });
  });

  it('each family of the network is asked about', () => {
    const both = { bridge: 'br0', subnets: [parseCidr('10.60.0.0/24'), parseCidr('fd60::/64')] };
    expect(judged(table([], { policy: 'drop', family: 'ip6' }), both).outgoing).toMatchObject({
      state: 'blocked',
      packet: 'IPv6 TCP packets to other hosts',
    });
  });
});

describe('words', () => {
  it('name the rule that drops', () => {
    const { outgoing } = judged(recorded('ufw'));
    expect(outgoing.state === 'blocked' && describePlace(outgoing.place)).toBe(
      'chain FORWARD of table ip filter (policy drop)',
    );
    expect(judged(table([[jump('a')]], { chains: { a: [[DROP]] } })).outgoing).toMatchObject({
      place: { chain: 'a', base: 'forward', rule: 'rule # handle 2' },
    });
  });

  it('name the expression that was not understood', () => {
    expect(judged(table([[opaque('set'), DROP]])).outgoing).toMatchObject({
      state: 'unknown',
      reason: 'it depends on what is not understood: {"xt":{"type":"match","name":"set"}}',
    });
  });

  it('name rules that nft cannot read, unless a packet is blocked anyway', () => {
    expect(judged([], undefined, ['the filter table of iptables-legacy']).outgoing).toMatchObject({
      state: 'unknown',
      reason: 'nft cannot read the filter table of iptables-legacy',
    });
    expect(judged(table([[DROP]]), undefined, ['…']).outgoing.state).toBe('blocked');
  });
});
