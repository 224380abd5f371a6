import { defaultBridge, isInterfaceName } from '@flatnet/cni';
import type { Change } from '@flatnet/kernel';
import { describe, expect, it } from 'vitest';
import { decodeConfig, type FlatnetConfig } from '../src/config.ts';
import { decodeRaw } from '../src/schema.ts';
import { aliasPrefixes, attachmentNames } from '../src/naming.ts';
import { containerChanges, refuseUnreachable } from '../src/container.ts';
import { topologyOf, type Topology } from '../src/topology.ts';
import { gatewayDevice, parseVlans, vlanChanges } from '../src/vlan.ts';

const decode = (more: object = {}) => decodeConfig({ name: 'n', ipam: { type: 'i' }, ...more }, 'ADD', decodeRaw);

describe('names', () => {
  it('follow from the attachment alone, and fit the kernel', () => {
    const long = { containerId: 'a'.repeat(300), ifName: 'eth0' };
    const one = attachmentNames('net', long);
    expect(attachmentNames('net', { ...long })).toEqual(one);
    expect(attachmentNames('net2', long).hostVeth).not.toBe(one.hostVeth);
    expect(isInterfaceName(one.hostVeth)).toBe(true);
    expect(one.alias.length).toBeLessThanOrEqual(255);
    expect(aliasPrefixes('net').some((prefix) => one.alias.startsWith(prefix))).toBe(true);
    expect(Number.parseInt(one.containerMac.slice(0, 2), 16) & 3).toBe(2);
  });
  it('of the bridge are readable where they fit', () => {
    expect(defaultBridge('podman')).toBe('fl-podman');
    expect(defaultBridge('a-very-long-network')).toMatch(/^fl-[0-9a-f]{12}$/);
  });
});

describe('configuration', () => {
  it('that says nothing of routing is a working network; one that does means just that', () => {
    expect(decode()).toMatchObject({ isGateway: true, isDefaultGateway: true, ipMasq: true, hairpinMode: true });
    expect(decode({ isGateway: true })).toMatchObject({ isDefaultGateway: false, ipMasq: false, hairpinMode: false });
    expect(decode({ isDefaultGateway: true })).toMatchObject({ isGateway: true, ipMasq: false });
    expect(decode({ ipMasq: false })).toMatchObject({ isGateway: false, isDefaultGateway: false });
    expect(decode({ internal: true })).toMatchObject({ isGateway: true, isDefaultGateway: false, ipMasq: false });
  });
  it.each([
    { bridge: '../x' },
    { bridge: '-h' },
    { bridge: 'a b' },
    { bridge: 'x'.repeat(16) },
    { bridge: 'eth%d' },
    { mtu: 'x' },
    { mtu: 12 },
    { vlan: 4095 },
    { vlanTrunk: [{ minID: 5 }] },
    { vlanTrunk: [{ minID: 9, maxID: 5 }] },
    { hairpinMode: true, promiscMode: true },
    { disableContainerInterface: true },
    { ipMasqBackend: 'x' },
    { bridge: 'bridge-name-14', vlan: 100 },
  ])('%j is refused', (more) => {
    expect(() => decode(more)).toThrow(/invalid/);
  });
  it("replaces the delegate's dns only when it has a field", () => {
    expect(decode({ dns: {} }).dns).toBeUndefined();
    expect(decode({ dns: { nameservers: ['1.1.1.1'] } }).dns).toEqual({ nameservers: ['1.1.1.1'] });
  });
  it('tells whether IPv6 is to be expected', () => {
    const ipv6 = (ipam: object, more: object = {}) => decode({ ipam: { type: 'i', ...ipam }, ...more }).hints.ipv6;
    expect(ipv6({ subnet: '10.0.0.0/24' })).toBe(false);
    expect(ipv6({ ranges: [[{ subnet: 'fd00::/64' }]] })).toBe(true);
    expect(ipv6({}, { runtimeConfig: { ips: ['fd00::5'] } })).toBe(true);
    expect(ipv6({}, { runtimeConfig: { mac: '02:00:00:00:00:01' } })).toBe(false);
  });
  it('tells which subnets it names, and leaves alone what is none', () => {
    const subnets = (ipam: object, more: object = {}) =>
      decode({ ipam: { type: 'i', ...ipam }, ...more }).hints.subnets;
    expect(subnets({})).toEqual([]);
    expect(subnets({ subnet: '10.0.0.9/24', ranges: [[{ subnet: 'fd00::1/64' }, { SUBNET: '10.1.0.0/16' }]] })).toEqual(
      ['10.0.0.0/24', 'fd00::/64', '10.1.0.0/16'],
    );
    expect(subnets({ addresses: [{ address: '10.2.0.5/24' }] })).toEqual(['10.2.0.0/24']);
    expect(subnets({ Subnet: '10.0.0.0/24' }, { runtimeConfig: { ipRanges: [[{ subnet: '10.0.0.0/24' }]] } })).toEqual([
      '10.0.0.0/24',
    ]);
    expect(subnets({ SUBNET: '10.1.0.0/16', subnet: '10.0.0.0/24' })).toEqual(['10.0.0.0/24']);
    expect(subnets({ subnet: 'x', ranges: [5, [null, { subnet: 7 }], {}], addresses: '10.0.0.0/8' })).toEqual([]);
  });
});

describe('topology', () => {
  const changesOf = (config: FlatnetConfig, topology: Topology): readonly Change[] =>
    containerChanges({ config, ifName: 'eth0', containerMac: '02:00:00:00:00:05' }, topology);
  const onlinkBy = (gateway: string): object => ({
    ...{ do: 'append-route', onlink: true, route: { family: 4, dst: '0.0.0.0/0', dev: 'eth0', gateway } },
  });
  const ipam = {
    ips: [{ address: '10.1.0.5/24' }, { address: 'fd00::5/64', gateway: 'fd00::ff' }],
    routes: [
      { dst: '10.9.0.0/16', mtu: 1300, advmss: 1200, priority: 7, table: 100, scope: 0 },
      { dst: '10.8.0.0/16', scope: 253 },
    ],
    dns: {},
  };
  it('fills in gateways and default routes, and programs every field of a route', () => {
    const config = decode({ defaultRoutePriority: 50 });
    const topology = topologyOf(config, 'eth0', ipam);
    const setMac = { do: 'set-link', name: 'eth0', change: { mac: '02:00:00:00:00:05' } };
    const address = (text: string): object => ({
      ...{ do: 'add-address', name: 'eth0', address: text, detectDuplicates: false },
    });
    const route = (family: 4 | 6, dst: string, more: object): object => ({
      ...{ do: 'append-route', onlink: false, route: { family, dst, dev: 'eth0', ...more } },
    });
    const fields = { mtu: 1300, advmss: 1200, priority: 7, table: 100, scope: 0 };
    expect(changesOf(config, topology)).toEqual([
      setMac,
      address('10.1.0.5/24'),
      address('fd00::5/64'),
      { do: 'set-link', name: 'eth0', change: { up: true } },
      route(4, '10.9.0.0/16', { gateway: '10.1.0.1', ...fields }),
      route(4, '10.8.0.0/16', { scope: 253 }),
      route(4, '0.0.0.0/0', { gateway: '10.1.0.1', priority: 50 }),
      route(6, '::/0', { gateway: 'fd00::ff', priority: 50 }),
      setMac,
    ]);
    expect(topology.gateways.map(String)).toEqual(['10.1.0.1/24', 'fd00::ff/64']);
    expect(topology.masqueraded).toEqual(['10.1.0.0/24', 'fd00::/64']);
  });
  it('reaches a gateway outside of the subnet on the link', () => {
    const topology = topologyOf(decode(), 'eth0', {
      ips: [{ address: '10.1.0.5/32', gateway: '10.1.0.1' }],
      routes: [],
      dns: {},
    });
    expect(changesOf(decode(), topology)).toContainEqual(onlinkBy('10.1.0.1'));
  });
  it.each([
    ['inside of the subnet', '10.1.0.5/24', '10.1.0.1', { gw: '10.1.0.9' }, true],
    ['that is the gateway of the address', '10.1.0.5/24', '10.2.0.1', { gw: '10.2.0.1' }, true],
    ['of a host address', '10.1.0.5/32', undefined, { gw: '10.9.0.1' }, true],
    ['of a host address', 'fd00::5/128', undefined, { gw: 'fd01::1' }, true],
    ['that is link-local', 'fd00::5/64', undefined, { gw: 'fe80::1' }, true],
    ['on no subnet', '10.1.0.5/24', '10.1.0.1', { gw: '10.9.0.1' }, false],
    ['on no subnet', 'fd00::5/64', 'fd00::1', { gw: 'fd01::1' }, false],
    ['of the other family', '10.1.0.5/24', '10.1.0.1', { gw: 'fd00::1' }, false],
  ])('a gateway %s of %s (%s, %j): usable is %j', (_, address, gateway, route, usable) => {
    const dst = address.includes(':') ? 'fd77::/64' : '10.77.0.0/16';
    const ips = [{ address, ...(gateway === undefined ? {} : { gateway }) }];
    const config = decode({ isDefaultGateway: false, isGateway: false, ipMasq: false });
    const topology = topologyOf(config, 'eth0', { ips, routes: [{ dst, ...route }], dns: {} });
    if (usable) refuseUnreachable(topology);
    else expect(() => refuseUnreachable(topology)).toThrow(`route to ${dst} has an unreachable gateway`);
  });
  it('reaches a gateway by a route that says that it is on the link', () => {
    const routes = [
      { dst: '10.9.0.1/32', scope: 253 },
      { dst: '0.0.0.0/0', gw: '10.9.0.1' },
    ];
    const topology = topologyOf(decode({ isGateway: false }), 'eth0', {
      ips: [{ address: '10.1.0.5/24' }],
      routes,
      dns: {},
    });
    refuseUnreachable(topology);
    expect(changesOf(decode(), topology)).toContainEqual(onlinkBy('10.9.0.1'));
  });
  it.each([
    ['10.1.0.5/24', ['::/0'], '0.0.0.0/0'],
    ['fd00::5/64', ['0.0.0.0/0'], '::/0'],
  ])('%s leaves out routes of the other family, and says so: %j', (address, leftOut, kept) => {
    const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }];
    const topology = topologyOf(decode({ isGateway: true }), 'eth0', { ips: [{ address }], routes, dns: {} });
    expect(topology.leftOut).toEqual(leftOut);
    expect(topology.routes.map(({ dst }) => dst)).toEqual([kept]);
    expect(topology.result.routes.map(({ dst }) => dst)).toEqual([kept]);
  });
  it('adds no default route where the delegate gave one, nor without isDefaultGateway', () => {
    const withDefault = { ...ipam, routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.254' }] };
    expect(topologyOf(decode(), 'eth0', withDefault).result.routes).toEqual([
      { dst: '0.0.0.0/0', gw: '10.1.0.254' },
      { dst: '::/0', gw: 'fd00::ff' },
    ]);
    expect(topologyOf(decode({ isGateway: true }), 'eth0', { ...ipam, routes: [] }).result.routes).toEqual([]);
  });
});

describe('VLANs', () => {
  it("merge ranges and leave the kernel's default VLAN", () => {
    const plan = parseVlans(100, [{ id: 5 }, { minID: 6, maxID: 8 }, { id: 20 }], false)!;
    expect(plan.tagged).toEqual([
      { first: 5, last: 8 },
      { first: 20, last: 20 },
    ]);
    expect(vlanChanges('p', plan)).toEqual([
      { do: 'delete-vlans', name: 'p', self: false, vlans: [{ id: 1 }] },
      {
        ...{ do: 'add-vlans', name: 'p', self: false },
        vlans: [{ id: 100, pvid: true, untagged: true }, { id: 5, to: 8 }, { id: 20 }],
      },
    ]);
    expect(gatewayDevice('br0', plan)).toBe('br0.100');
    expect(parseVlans(0, [], false)).toBeUndefined();
    expect(vlanChanges('p', parseVlans(100, undefined, true)!)).toHaveLength(1);
  });
});
