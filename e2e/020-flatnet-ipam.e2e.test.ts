// The address plugin by itself: every verb, without a main plugin above it.
import type { Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { fail, ipsOf, succeed, useSandbox } from './fixture.ts';

const host = useSandbox();
const config = (ipam: Json = {}, extra: Json = {}): Json => ({
  cniVersion: '1.1.0',
  name: 'addresses',
  type: 'flatnet',
  ipam: { type: 'flatnet-ipam', subnet: '10.9.0.0/29', ...ipam },
  ...extra,
});
const call = (verb: string, containerId: string, ipam: Json = {}, extra: Json = {}) => ({
  plugin: 'flatnet-ipam',
  verb,
  config: config(ipam, extra),
  containerId,
  ifName: 'eth0',
  netns: '/run/netns/none',
});

/** The address plugin touches no namespace, but the protocol wants one that exists. */
const withPath = async (body: () => Promise<void>): Promise<void> => {
  await host.sandbox.addNetns('none');
  try {
    await body();
  } finally {
    await host.sandbox.deleteNetns('none');
  }
};

describe('flatnet-ipam, alone', () => {
  it('leases addresses until none is left, and again after a release', () =>
    withPath(async () => {
      const { sandbox } = host;
      const leased: string[] = [];
      for (const id of ['a', 'b', 'c', 'd', 'e']) {
        const result = await succeed(sandbox, call('ADD', id));
        expect(result['interfaces']).toBeUndefined();
        leased.push(...ipsOf(result));
      }
      expect(new Set(leased).size).toBe(5);
      expect(leased).not.toContain('10.9.0.1/29');
      expect((await fail(sandbox, call('ADD', 'f'))).code).toBe(101);
      expect((await fail(sandbox, { plugin: 'flatnet-ipam', verb: 'STATUS', config: config() })).code).toBe(50);
      await succeed(sandbox, call('DEL', 'c'));
      expect(ipsOf(await succeed(sandbox, call('ADD', 'f')))).toEqual([leased[2]]);
      for (const id of ['a', 'b', 'd', 'e', 'f']) await succeed(sandbox, call('DEL', id));
      await succeed(sandbox, { plugin: 'flatnet-ipam', verb: 'STATUS', config: config() });
    }));

  it('answers a repeated ADD with the lease that it has', () =>
    withPath(async () => {
      const { sandbox } = host;
      const first = await succeed(sandbox, call('ADD', 'a'));
      expect(await succeed(sandbox, call('ADD', 'a'))).toEqual(first);
      await succeed(sandbox, call('CHECK', 'a', {}, { prevResult: first }));
      await succeed(sandbox, call('DEL', 'a'));
      await fail(sandbox, call('CHECK', 'a', {}, { prevResult: first }));
    }));

  it.each([
    ['CNI_ARGS', { args: 'IP=10.9.0.5' }, {}],
    ['args.cni.ips', {}, { args: { cni: { ips: ['10.9.0.5'] } } }],
    ['runtimeConfig.ips', {}, { runtimeConfig: { ips: ['10.9.0.5/29'] } }],
  ])('gives the address that %s asks for, and not twice', (_, request, extra) =>
    withPath(async () => {
      const { sandbox } = host;
      expect(ipsOf(await succeed(sandbox, { ...call('ADD', 'a', {}, extra), ...request }))).toEqual(['10.9.0.5/29']);
      expect(JSON.stringify(await fail(sandbox, { ...call('ADD', 'b', {}, extra), ...request }))).toContain('10.9.0.5');
      // Podman calls DEL after a refused ADD, with the same wish: it must not free the other's lease.
      await succeed(sandbox, { ...call('DEL', 'b', {}, extra), ...request });
      await fail(sandbox, { ...call('ADD', 'b', {}, extra), ...request });
      await succeed(sandbox, call('DEL', 'a'));
    }),
  );

  it('leases one address of each range set, IPv4 and IPv6', () =>
    withPath(async () => {
      const { sandbox } = host;
      const ipam = { subnet: undefined, ranges: [[{ subnet: '10.9.0.0/29' }], [{ subnet: 'fd00:9::/64' }]] };
      const ips = ipsOf(await succeed(sandbox, call('ADD', 'a', ipam)));
      expect(ips).toEqual([expect.stringMatching(/^10\.9\.0\.\d\/29$/), expect.stringMatching(/^fd00:9::.*\/64$/)]);
      await succeed(sandbox, call('DEL', 'a', ipam));
    }));

  it('GC keeps the valid leases and frees the others', () =>
    withPath(async () => {
      const { sandbox } = host;
      const kept = await succeed(sandbox, call('ADD', 'kept'));
      await succeed(sandbox, call('ADD', 'lost'));
      const valid = { 'cni.dev/valid-attachments': [{ containerID: 'kept', ifname: 'eth0' }] };
      await succeed(sandbox, { plugin: 'flatnet-ipam', verb: 'GC', config: config({}, valid) });
      await succeed(sandbox, call('CHECK', 'kept', {}, { prevResult: kept }));
      await succeed(sandbox, call('DEL', 'kept'));
    }));
});
