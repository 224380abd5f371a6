import { FakeKernel } from '@flatnet/kernel/testing';
import { expect, it } from 'vitest';
import type { Network } from '../src/index.ts';
import { siblingsWay } from '../src/siblings.ts';

const SWITCH = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** @param kind of the device that packets of the containers come by. */
function wayOn(kind: 'bridge' | 'vlan', isLoaded: boolean, judgesSiblings = true) {
  const { proc, files, rtnetlink } = new FakeKernel();
  if (isLoaded) files.set(SWITCH, '0');
  const links = { ...rtnetlink, findLink: (name: string) => ({ name, index: 1, kind }) };
  return siblingsWay({ proc, rtnetlink: links as never }, { bridge: 'br0', judgesSiblings } as Network);
}

it.each([
  ['bridge', true, 'br_netfilter'],
  ['bridge', false, 'routed'],
  // It has no switch, and what is bridged would come by the name of the bridge.
  ['vlan', true, 'routed'],
  ['vlan', false, 'routed'],
] as const)('packets between siblings on a %s, br_netfilter loaded: %s, are %s', (kind, isLoaded, way) => {
  expect(wayOn(kind, isLoaded)).toBe(way);
  expect(wayOn(kind, isLoaded, false)).toBe('none');
});
