import { describe, expect, test } from 'vitest';
import { parseState, taskOf } from '../src/hook/state.ts';
import { attachmentsOf } from '../src/hook/wishes.ts';

const state = (annotations: Record<string, string> = {}) =>
  parseState(JSON.stringify({ ociVersion: '1.0.2', id: 'c1', status: 'creating', pid: 7, bundle: '/b', annotations }));
const none = { network: [], ip: [], publish: [] };

describe('what a hook attaches', () => {
  test('options; addresses and ports are of the first network', () => {
    const options = {
      network: ['web', 'db:data0', 'log'],
      ip: ['10.0.0.5'],
      publish: ['8080:80'],
      mac: '02:00:00:00:00:01',
    };
    expect(attachmentsOf(options, state())).toEqual([
      {
        network: 'web',
        ifName: 'eth0',
        wishes: {
          ips: ['10.0.0.5'],
          ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
          mac: '02:00:00:00:00:01',
          name: 'c1',
        },
      },
      { network: 'db', ifName: 'data0', wishes: { ips: [], ports: [], name: 'c1' } },
      { network: 'log', ifName: 'eth2', wishes: { ips: [], ports: [], name: 'c1' } },
    ]);
  });

  test('annotations where no option says it', () => {
    const annotated = state({ 'flatnet.networks': 'web, db', 'flatnet.ports': '1:2,3:4/udp', 'flatnet.name': 'shop' });
    const [first, second] = attachmentsOf({ ...none, publish: ['5:6'] }, annotated);
    expect(first).toMatchObject({ network: 'web', wishes: { name: 'shop', ports: [{ hostPort: 5 }] } });
    expect(second).toMatchObject({ network: 'db', ifName: 'eth1', wishes: { ports: [] } });
    expect(attachmentsOf(none, annotated)[0]?.wishes.ports.map(({ hostPort }) => hostPort)).toEqual([1, 3]);
  });

  test.each([
    [{ ...none }, 'which network?'],
    [{ ...none, network: ['web', 'db:eth0'] }, 'two networks for interface eth0'],
    [{ ...none, network: ['web'], publish: ['x'] }, 'is not a port mapping'],
  ])('refuses %j', (options, words) => {
    expect(() => attachmentsOf(options, state())).toThrow(words);
  });
});

test.each([
  ['creating', 7, 'attach'],
  ['created', 7, 'attach'],
  ['running', 7, 'attach'],
  ['stopped', 0, 'detach'],
  ['stopped', 7, 'detach'],
])('%s with pid %i: %s', (status, pid, task) => {
  expect(taskOf(parseState(JSON.stringify({ id: 'c', status, pid })))).toBe(task);
});

test.each(['', '[]', '{"id":""}', '{"id":"c"}', '{"id":"c","status":"creating","annotations":{"a":1}}'])(
  'refuses the state %j',
  (text) => {
    expect(() => taskOf(parseState(text))).toThrow();
  },
);

test('a container without a process cannot be attached', () => {
  expect(() => taskOf(parseState('{"id":"c","status":"creating"}'))).toThrow('there is nothing to attach');
});
