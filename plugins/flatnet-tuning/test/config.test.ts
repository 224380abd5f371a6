import { describe, expect, it } from 'vitest';
import { decodeConfig } from '../src/config.ts';
import { decodeRaw } from '../src/schema.ts';
import { refuseUnlisted, sysctlsFor } from '../src/sysctls.ts';

const config = (json: object) => decodeConfig(json as Record<string, unknown>, 'ADD', decodeRaw);
const paths = (sysctl: object, ifName = 'eth0') =>
  sysctlsFor(ifName, config({ sysctl }).sysctls).map(({ path, value }) => `${path}=${value}`);

describe('sysctl', () => {
  it('takes both spellings, and puts the interface in its place', () => {
    expect(paths({ 'net.core.somaxconn': '500', 'net/ipv4/conf/IFNAME/arp_notify': '1' })).toEqual([
      'net/core/somaxconn=500',
      'net/ipv4/conf/eth0/arp_notify=1',
    ]);
    expect(paths({ 'net.ipv4.conf.IFNAME.arp_notify': '1', 'net.ipv4.conf.a/b.arp_notify': '1' }, 'eth0.5')).toEqual([
      'net/ipv4/conf/eth0.5/arp_notify=1',
      'net/ipv4/conf/a.b/arp_notify=1',
    ]);
  });

  it.each([
    'kernel.hostname',
    'net',
    'net/../kernel/hostname',
    'net.ipv4...ip_forward',
    'net/ipv4//ip_forward',
    'net/./x',
    'net.ipv4.a b',
    '/proc/sys/net/ipv4/ip_forward',
    'net/x\0',
    '',
  ])('refuses %j', (key) => {
    expect(() => paths({ [key]: '1' })).toThrow(expect.objectContaining({ code: 7 }));
  });

  it('refuses one setting in two spellings', () => {
    const both = { 'net.ipv4.ip_forward': '1', 'net/ipv4/ip_forward': '0' };
    expect(() => paths(both)).toThrow(
      expect.objectContaining({ details: expect.stringContaining('is the same setting as') as string }),
    );
  });

  it("refuses what an operator's list does not name", () => {
    const { sysctls } = config({ sysctl: { 'net.core.somaxconn': '500' } });
    expect(() => refuseUnlisted(sysctls, undefined)).not.toThrow();
    expect(() => refuseUnlisted(sysctls, '^net.core\\..*$\n')).not.toThrow();
    for (const list of ['', '^net.ipv4\\.', '(']) {
      expect(() => refuseUnlisted(sysctls, list)).toThrow(expect.objectContaining({ code: 7 }));
    }
  });
});

describe('the interface', () => {
  it('zero, false and an empty text are absent keys; a false allmulti is a wish', () => {
    const none = { mtu: 0, promisc: false, txQLen: 0, mac: '' };
    expect(config(none)).toEqual({ sysctls: [], link: {} });
    expect(config({ ...none, allmulti: false }).link).toEqual({ allMulticast: false });
  });

  it('args.cni beats the conflist, key by key', () => {
    const args = { cni: { mtu: 1300, mac: '02:00:00:00:00:02', sysctl: { 'net.b': '2' } } };
    const json = { mtu: 1400, promisc: true, mac: '02-00-00-00-00-01', sysctl: { 'net.a': '1', 'net.b': '1' }, args };
    const { sysctls, ...rest } = config({ ...json, runtimeConfig: { mac: '02:00:00:00:00:03' } });
    expect(rest).toEqual({
      ...{ link: { mtu: 1300, promiscuous: true } },
      ...{ ownMac: '02:00:00:00:00:01', mac: '02:00:00:00:00:02' },
    });
    expect(sysctls.map(({ key, value }) => `${key}=${value}`)).toEqual(['net.a=1', 'net.b=2']);
  });

  it.each<object>([
    { mac: 'nonsense' },
    { mac: '01:00:00:00:00:01' },
    { mac: '00:00:00:00:00:00' },
    { mac: '02:00:00:00:00:01\n' },
    { runtimeConfig: { mac: '02:00' } },
    { mtu: -1 },
    { mtu: '1500' },
    { txQLen: 1.5 },
    { promisc: 'yes' },
    { sysctl: { 'net.core.somaxconn': 5 } },
  ])('%j is refused', (json) => {
    expect(() => config(json)).toThrow(expect.objectContaining({ code: 7 }));
  });
});
