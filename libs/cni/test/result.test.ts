import { describe, expect, it } from 'vitest';
import { parseResult, renderResult, SUPPORTED_VERSIONS, type AddResult } from '../src/index.ts';

const RESULT: AddResult = {
  interfaces: [
    { name: 'br0', mac: '02:00:00:00:00:01', mtu: 1500 },
    { name: 'eth0', mac: '02:00:00:00:00:02', mtu: 1500, sandbox: '/run/netns/x' },
  ],
  ips: [
    { address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 1 },
    { address: 'fd00::2/64', interface: 1 },
  ],
  routes: [
    { dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400, priority: 5 },
    { dst: '::/0', gw: 'fd00::1' },
  ],
  dns: { nameservers: ['10.1.0.1'], search: [] },
};

describe('results by version', () => {
  it('0.2.0 has ip4 and ip6, each with its routes', () => {
    expect(renderResult(RESULT, '0.2.0')).toEqual({
      cniVersion: '0.2.0',
      ip4: { ip: '10.1.0.2/24', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }] },
      ip6: { ip: 'fd00::2/64', routes: [{ dst: '::/0', gw: 'fd00::1' }] },
      dns: { nameservers: ['10.1.0.1'] },
    });
  });
  it.each(['0.3.0', '0.3.1', '0.4.0'] as const)('%s says the family of each address', (version) => {
    const json = JSON.parse(JSON.stringify(renderResult(RESULT, version)));
    expect(json.ips).toEqual([
      { version: '4', address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 1 },
      { version: '6', address: 'fd00::2/64', interface: 1 },
    ]);
    expect(json.interfaces[1]).toEqual({ name: 'eth0', mac: '02:00:00:00:00:02', sandbox: '/run/netns/x' });
    expect(json.routes[0]).toEqual({ dst: '0.0.0.0/0', gw: '10.1.0.1' });
  });
  it('1.0.0 has no family, 1.1.0 adds MTUs and route attributes', () => {
    const stable = JSON.parse(JSON.stringify(renderResult(RESULT, '1.0.0')));
    expect(stable.ips[0]).toEqual({ address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 1 });
    expect(stable.interfaces[0]).toEqual({ name: 'br0', mac: '02:00:00:00:00:01' });
    const newest = JSON.parse(JSON.stringify(renderResult(RESULT, '1.1.0')));
    expect(newest.interfaces[0].mtu).toBe(1500);
    expect(newest.routes[0]).toEqual({ dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400, priority: 5 });
  });
  it('an IPAM result has no interfaces', () => {
    const { ips, routes, dns } = RESULT;
    expect(renderResult({ ips, routes, dns }, '1.0.0')).not.toHaveProperty('interfaces');
  });
  it.each(SUPPORTED_VERSIONS)('%s is read back as it was written', async (version) => {
    const parsed = await parseResult(JSON.parse(JSON.stringify(renderResult(RESULT, version))), version, 'result');
    expect(parsed.ips.map(({ address }) => address)).toEqual(['10.1.0.2/24', 'fd00::2/64']);
    expect(parsed.routes.map(({ dst }) => dst)).toEqual(['0.0.0.0/0', '::/0']);
    expect(parsed.dns).toEqual({ nameservers: ['10.1.0.1'] });
    if (version === '1.1.0') expect(parsed.interfaces).toEqual(RESULT.interfaces);
  });
  it('names the field of a result that cannot be read', async () => {
    await expect(parseResult({ ips: [{}] }, '1.0.0', 'prevResult')).rejects.toThrow(/invalid prevResult/);
    await expect(parseResult('x', '1.0.0', 'prevResult')).rejects.toThrow(/invalid prevResult/);
  });
});
