import { expect, test } from 'vitest';
import type { RunResult } from '@flatnet/exec';
import { forgetOrphanedFlows, parseFlows, staleFlows } from '../src/flows.ts';
import type { Port } from '../src/index.ts';

const dns = (hostIp: string | undefined): Port => ({
  ...{ family: 4, protocol: 'udp', hostPort: 53, address: '10.1.0.2', port: 53 },
  ...(hostIp === undefined ? {} : { hostIp }),
});
const flowTo = (address: string, replySource = address): string =>
  `udp      17 29 src=192.0.2.9 dst=${address} sport=4000 dport=53 [UNREPLIED] src=${replySource} dst=192.0.2.9 sport=53 dport=4000`;
const stale = (ports: readonly Port[], ...lines: readonly string[]): readonly string[] =>
  staleFlows(parseFlows(lines.join('\n')), ports, (address) => address.startsWith('192.0.2.')).map(
    ({ destination }) => destination,
  );

test('one port on two addresses: flows to both are stale, to a third not', () => {
  const flows = [flowTo('192.0.2.1'), flowTo('192.0.2.2'), flowTo('192.0.2.3')];
  expect(stale([dns('192.0.2.1'), dns('192.0.2.2')], ...flows)).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('a port on all addresses: flows to this host are stale, but those that the container answers', () => {
  expect(stale([dns(undefined)], flowTo('192.0.2.1'), flowTo('192.0.2.2', '10.1.0.2'), flowTo('198.51.100.1'))).toEqual(
    ['192.0.2.1'],
  );
});

const answer = (stderr: string, stdout = '', exitCode = 0): RunResult => ({ exitCode, stdout, stderr, ending: 'exit' });
const WEB: Port = { family: 4, protocol: 'udp', hostPort: 53, address: '10.1.0.2', port: 53 };

test.each<[string, RunResult, RunResult]>([
  ['listed', answer('Operation not permitted', '', 1), answer('')],
  ['removed', answer('', flowTo('192.0.2.1', '10.1.0.2')), answer('Operation not permitted', '', 1)],
])('flows that cannot be %s are told of', async (_what, listed, removed) => {
  const run = (_file: string, [verb]: readonly string[]) => Promise.resolve(verb === '-L' ? listed : removed);
  await expect(forgetOrphanedFlows(run, [WEB])).rejects.toMatchObject({
    tool: 'conntrack',
    reason: 'Operation not permitted',
  });
});

test('none to remove is no failure', async () => {
  const run = (_file: string, [verb]: readonly string[]) =>
    Promise.resolve(
      verb === '-L'
        ? answer('', flowTo('192.0.2.1', '10.1.0.2'))
        : answer('conntrack: 0 flow entries have been deleted.', '', 1),
    );
  expect(await forgetOrphanedFlows(run, [WEB])).toBe(1);
});
