import { expect, test } from 'vitest';
import type { TrackedFlow } from '@flatnet/kernel';
import { FakeKernel } from '@flatnet/kernel/testing';
import { forgetOrphanedFlows, forgetStaleFlows, staleFlows } from '../src/flows.ts';
import type { Port } from '../src/index.ts';

const dns = (hostIp: string | undefined): Port => ({
  ...{ family: 4, protocol: 'udp', hostPort: 53, address: '10.1.0.2', port: 53 },
  ...(hostIp === undefined ? {} : { hostIp }),
});
const flowTo = (destination: string, replySource = destination): TrackedFlow => ({
  ...{ protocol: 'udp', destination, port: 53, replySource },
});
const stale = (ports: readonly Port[], ...flows: readonly TrackedFlow[]): readonly string[] =>
  staleFlows(flows, ports, (address) => address.startsWith('192.0.2.')).map(({ destination }) => destination);

test('one port on two addresses: flows to both are stale, to a third not', () => {
  const flows = [flowTo('192.0.2.1'), flowTo('192.0.2.2'), flowTo('192.0.2.3')];
  expect(stale([dns('192.0.2.1'), dns('192.0.2.2')], ...flows)).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('a port on all addresses: flows to this host are stale, but those that the container answers', () => {
  expect(stale([dns(undefined)], flowTo('192.0.2.1'), flowTo('192.0.2.2', '10.1.0.2'), flowTo('198.51.100.1'))).toEqual(
    ['192.0.2.1'],
  );
});

const WEB: Port = { family: 4, protocol: 'udp', hostPort: 53, address: '10.1.0.2', port: 53 };

test('DEL forgets what the container answered at its ports, and nothing else', () => {
  const kernel = new FakeKernel();
  const others = [flowTo('192.0.2.1', '10.1.0.3'), { ...flowTo('192.0.2.1', '10.1.0.2'), port: 54 }];
  kernel.flows = [flowTo('192.0.2.1', '10.1.0.2'), flowTo('192.0.2.2', '10.1.0.2'), ...others];
  expect(forgetOrphanedFlows(kernel.conntrack, [WEB])).toBe(2);
  expect(kernel.flows).toEqual(others);
});

test('ADD forgets what another answered on this host, of TCP only where the port was reused', () => {
  const kernel = new FakeKernel();
  const own = flowTo('127.0.0.1', '10.1.0.2');
  const web = { ...flowTo('127.0.0.1'), protocol: 'tcp', port: 80 } as const;
  kernel.flows = [flowTo('127.0.0.1'), own, web];
  const ports: Port[] = [WEB, { ...WEB, protocol: 'tcp', hostPort: 80 }];
  expect(forgetStaleFlows(kernel.conntrack, ports)).toBe(1);
  expect(kernel.flows).toEqual([own, web]);
  expect(forgetStaleFlows(kernel.conntrack, ports, true)).toBe(1);
  expect(kernel.flows).toEqual([own]);
});
