import { expect, test } from 'vitest';
import { parseFlows, staleFlows } from '../src/flows.ts';
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
