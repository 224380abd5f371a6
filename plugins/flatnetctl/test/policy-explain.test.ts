import { FakeKernel } from '@flatnet/kernel/testing';
import { expect, it } from 'vitest';
import type { Attached } from '../src/policy/explain/attached.ts';
import { endsCalled } from '../src/policy/explain/end.ts';
import { parsePort } from '../src/policy/explain/port.ts';
import { fakeWorld } from './fake-world.ts';

const container = (containerId: string, network: string, names: readonly string[], address: string): Attached => ({
  ...{ containerId, network, names, addresses: [address], bridge: `br-${network}` },
});
const ALL = [
  container('abc1', 'a', ['web', 'role-web'], '10.1.0.2'),
  container('abc2', 'a', ['db'], '10.1.0.3'),
  container('abd1', 'b', ['web'], '10.2.0.2'),
];
const called = (text: string): readonly string[] =>
  endsCalled(new FakeKernel(), ALL, text).map((end) =>
    end.kind === 'container' ? `${end.network}/${end.containerId}` : end.kind,
  );

it.each<[string, readonly string[]]>([
  ['web', ['a/abc1', 'b/abd1']],
  ['role-web', ['a/abc1']],
  ['a', ['a/abc1', 'a/abc2']],
  ['abd', ['b/abd1']],
  ['10.1.0.3', ['a/abc2']],
  ['2001:0db8::0001', ['outside']],
  ['127.0.0.1', ['host']],
  ['internet', ['outside']],
  ['host', ['host']],
])('%s is an end', (text, expected) => {
  expect(called(text)).toEqual(expected);
});

it.each(['abc', 'nothing', '10.1.0.0/24', ''])('%j is none', (text) => {
  expect(() => called(text)).toThrow(expect.objectContaining({ exit: 1 }));
});

it('a port may have a protocol', () => {
  expect(['80', '53/UDP', '5/sctp'].map(parsePort)).toEqual([
    { protocol: 'tcp', port: 80 },
    { protocol: 'udp', port: 53 },
    { protocol: 'sctp', port: 5 },
  ]);
  for (const text of ['0', '65536', 'http', '80/icmp', '-1', '80 ', '']) {
    expect(() => parsePort(text)).toThrow(expect.objectContaining({ exit: 2 }));
  }
});

it('is told of on the command line', async () => {
  const { ctl } = fakeWorld();
  expect(await ctl('policy', 'explain', 'web', 'db', '80')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no container, no network and no address "web"') as string,
  });
});
