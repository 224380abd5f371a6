import { expect, it } from 'vitest';
import { answerTo, packetOf, type Question, ruleText, trace } from '../src/index.ts';
import { ACCEPT, DROP, match, meta, payload, REJECT, table } from './rulesets.ts';

const question: Question = {
  ...{ from: 'br0', to: 'eth0', source: '10.1.0.2', destination: '192.0.2.9' },
  ...{ protocol: 'tcp', port: 80, isTranslated: false },
};
/** The rules that fit, and the end. */
const traced = (rules: readonly (readonly object[])[], packet = packetOf(question), options: object = {}) => {
  const [only] = table(rules, options);
  const base = [...only!.chains.values()].find(({ hook }) => hook === 'forward')!;
  const { turns, end } = trace(only!, base, packet);
  return [...turns.map(({ verdict, rule }) => `${rule === undefined ? '' : ruleText(rule)}: ${verdict}`), end];
};
const from = (right: unknown) => match(meta('iifname'), right);
const port = (right: unknown, protocol = 'tcp') => match(payload(protocol, 'dport'), right);
const jump = (target: string): object => ({ jump: { target } });
const counter = { counter: { packets: 1 } };

it.each([
  ['the policy, where no rule fits', [[port(81), DROP]], {}, [': policy accept', 'accept']],
  ['a policy that drops', [[port(80, 'udp'), ACCEPT]], { policy: 'drop' }, [': policy drop', 'drop']],
  [
    'the first rule that fits',
    [[from('br0'), port({ range: [80, 90] }), REJECT], [DROP]],
    {},
    ['iifname br0 tcp dport 80-90 reject: reject', 'reject'],
  ],
  [
    'chains that are left at their end',
    [
      [from('br0'), jump('other')],
      [counter, DROP],
    ],
    { chains: { other: [[port(81), ACCEPT], [port(80), { return: null }], [ACCEPT]] } },
    ['iifname br0 jump other: jump other', 'tcp dport 80 return: return', 'counter drop: drop', 'drop'],
  ],
  [
    'an element of a map',
    [
      [
        {
          vmap: {
            key: meta('iifname'),
            data: {
              set: [
                ['br1', DROP],
                ['br0', { goto: { target: 'other' } }],
              ],
            },
          },
        },
        DROP,
      ],
    ],
    { chains: { other: [] } },
    [expect.stringMatching(/^iifname vmap .*: goto other$/), ': policy accept', 'accept'],
  ],
  [
    'what is not understood does not matter where all ways end the same',
    [[{ xt: { type: 'match', name: 'owner' } }, DROP], [DROP]],
    {},
    [expect.stringMatching(/: unclear$/), 'drop: drop', 'drop'],
  ],
  [
    'what is not understood, and matters',
    [[{ xt: { type: 'match', name: 'owner' } }, DROP]],
    {},
    [expect.stringMatching(/: unclear$/), ': policy accept', 'unclear'],
  ],
] as const)('%s', (_, rules, options, expected) => {
  expect(traced(rules as never, packetOf(question), options)).toEqual(expected);
});

it('an answer goes the other way, as one', () => {
  const answers = match({ ct: { key: 'direction' } }, 'reply');
  const back = [[from('eth0'), match(payload('tcp', 'sport'), 80), answers, DROP]];
  expect(traced(back, answerTo(question)).at(-1)).toBe('drop');
  expect(traced(back).at(-1)).toBe('accept');
});
