// The address plugin under main plugins that are not ours.
import { chainOf, type Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { addressesIn, expectPing, ipsOf, useSandbox, withNetns } from './fixture.ts';

const host = useSandbox();
const ipam = {
  type: 'flatnet-ipam',
  ranges: [[{ subnet: '10.66.0.0/24' }], [{ subnet: 'fd66::/64' }]],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
};

const MAIN: Record<string, Json & { readonly type: string }> = {
  bridge: { type: 'bridge', bridge: 'ref0', isGateway: true, ipam },
  ptp: { type: 'ptp', ipam },
  macvlan: { type: 'macvlan', master: 'uplink', mode: 'bridge', ipam },
};

const leases = async (): Promise<string> => {
  const found = await host.sandbox.run('find', ['/run/cni/flatnet', '-path', '*/ip/*', '-o', '-path', '*/tmp/*']);
  return found.stdout;
};

describe.each(Object.keys(MAIN))('under the reference plugin %s', (name) => {
  it.each(['0.4.0', '1.0.0'])(
    'at %s: two containers reach each other, CHECK passes, DEL frees both',
    async (cniVersion) => {
      const { sandbox } = host;
      const chain = chainOf(sandbox, { cniVersion, name: `${name}-${cniVersion}`, plugins: [MAIN[name]!] });
      if (name === 'macvlan') {
        await sandbox.must('ip', ['link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'upstream']);
        for (const end of ['uplink', 'upstream']) await sandbox.must('ip', ['link', 'set', end, 'up']);
      }
      await withNetns(sandbox, ['one', 'two'], async ([one, two]) => {
        const attachments = [
          { containerId: 'one', ifName: 'eth0', netns: one! },
          { containerId: 'two', ifName: 'eth0', netns: two! },
        ];
        const [first, second] = [await chain.add(attachments[0]!), await chain.add(attachments[1]!)];
        expect(ipsOf(first)).toEqual(['10.66.0.2/24', 'fd66::2/64']);
        expect(ipsOf(second)).toEqual(['10.66.0.3/24', 'fd66::3/64']);
        expect(await addressesIn(sandbox, 'two', 'eth0')).toEqual(expect.arrayContaining(ipsOf(second)));
        // ptp routes between them, which takes forwarding.
        if (name === 'ptp') await sandbox.must('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
        await expectPing(sandbox, 'two', '10.66.0.2');
        for (const each of attachments) await chain.check(each);
        for (const each of attachments) await chain.del(each);
        expect(await leases()).toBe('');
      });
      if (name === 'macvlan') await sandbox.must('ip', ['link', 'delete', 'uplink']);
    },
  );
});
