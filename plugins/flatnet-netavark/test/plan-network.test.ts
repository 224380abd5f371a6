import { parseCidr } from '@flatnet/addressing';
import { describe, expect, test } from 'vitest';
import { planNetwork } from '../src/plan-network.ts';
import type { Surroundings } from '../src/surroundings.ts';

const around: Surroundings = {
  taken: [
    { subnet: parseCidr('10.87.0.0/24'), by: 'network web' },
    { subnet: parseCidr('192.168.1.0/24'), by: 'the route to it by eth0', device: 'eth0' },
    { subnet: parseCidr('10.60.0.0/24'), by: 'the route to it by fl-old', device: 'fl-old' },
  ],
  bridges: new Map([['fl-web', 'web']]),
  conflists: new Set(['cni']),
  links: new Map([
    ['eth0', ''],
    ['fl-old', 'bridge'],
  ]),
  hasDnsmasq: true,
  random: () => new Uint8Array([1, 2, 3, 4, 5]),
};
const asked = { name: 'n1', id: 'ab', driver: 'flatnet', dns_enabled: true, internal: false, ipv6_enabled: false };
const plan = (extra: object, more: Partial<Surroundings> = {}) =>
  planNetwork({ ...asked, ...extra }, { ...around, ...more });

describe('what is chosen', () => {
  test('a free subnet, its gateway, a bridge and who leases; null is left out, labels stay', () => {
    expect(plan({ labels: { a: 'b' }, routes: null }).network).toEqual({
      ...asked,
      ...{ labels: { a: 'b' }, network_interface: 'fl-n1', ipam_options: { driver: 'flatnet-ipam' } },
      subnets: [{ subnet: '10.87.1.0/24', gateway: '10.87.1.1' }],
    });
  });

  test.each([
    [{ ipv6_enabled: true }, [{ subnet: '10.87.1.0/24' }, { subnet: 'fd01:203:405::/64', gateway: 'fd01:203:405::1' }]],
    [{ subnets: [{ subnet: '10.79.1.7/24' }] }, [{ subnet: '10.79.1.0/24', gateway: '10.79.1.1' }]],
    [{ name: 'old', subnets: [{ subnet: '10.60.0.0/24' }] }, [{ subnet: '10.60.0.0/24' }]],
    [
      { subnets: [{ subnet: '10.79.1.0/24', gateway: '10.79.1.9', lease_range: { start_ip: '10.79.1.128' } }] },
      [{ subnet: '10.79.1.0/24', gateway: '10.79.1.9', lease_range: { start_ip: '10.79.1.128' } }],
    ],
  ])('%j gets %j', (extra, subnets) => {
    expect(plan(extra).network).toMatchObject({ subnets });
  });

  test('an internal network without names has no gateway, one with names has', () => {
    expect(plan({ internal: true, dns_enabled: false }).network).toMatchObject({
      subnets: [{ subnet: '10.87.1.0/24' }],
    });
    expect(JSON.stringify(plan({ internal: true, dns_enabled: false }).network)).not.toContain('gateway');
    expect(plan({ internal: true }).network).toMatchObject({ subnets: [{ gateway: '10.87.1.1' }] });
  });

  test('without an IPAM there are no subnets and no names', () => {
    const { network } = plan({ ipam_options: { driver: 'none' } });
    expect(network).toMatchObject({ dns_enabled: false, ipam_options: { driver: 'none' } });
    expect(network).not.toHaveProperty('subnets');
  });

  test('without dnsmasq names are off, and a word says it', () => {
    const { network, words } = plan({}, { hasDnsmasq: false });
    expect(network).toMatchObject({ dns_enabled: false });
    expect(words.join('\n')).toContain('dnsmasq-base');
  });

  test('a bridge whose name is taken, or too long for its VLAN, has a short name', () => {
    expect(plan({ name: 'web' }).network['network_interface']).toMatch(/^fl-[0-9a-f]{7}$/);
    expect(plan({ name: 'twelve-chars', options: { vlan: '4094' } }).network['network_interface']).toMatch(
      /^fl-[0-9a-f]{7}$/,
    );
  });
});

test.each([
  [{ subnets: [{ subnet: '10.87.0.0/16' }] }, /overlaps with 10.87.0.0\/24: network web/],
  [{ subnets: [{ subnet: '192.168.1.128/25' }] }, /the route to it by eth0/],
  [{ subnets: [{ subnet: '10.1.0.0/24' }, { subnet: '10.1.0.0/25' }] }, /overlaps with another one/],
  [{ subnets: [{ subnet: '10.1.0.0/31' }] }, /no room/],
  [{ subnets: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.255' }] }, /broadcast address/],
  [{ network_interface: 'fl-web' }, /is the bridge of network web/],
  [{ network_interface: 'eth0' }, /no bridge/],
  [{ network_interface: 'fl-abcdefgh', options: { vlan: '4094' } }, /too long a name/],
  [{ name: 'cni' }, /defined by a conflist/],
  [{ name: '../x' }, /invalid network name/],
])('%j is refused', (extra, words) => {
  expect(() => plan(extra)).toThrow();
  try {
    plan(extra);
  } catch (error) {
    const { message, details } = error as { message: string; details: string };
    expect(`${message}: ${details}`).toMatch(words);
  }
});

test('--dns without dnsmasq is refused before Podman refuses it without a reason', () => {
  expect(() => plan({ network_dns_servers: ['9.9.9.9'] }, { hasDnsmasq: false })).toThrow(/dnsmasq is not installed/);
});
