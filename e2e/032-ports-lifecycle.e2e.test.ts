// What happens to published ports over time: conflicts, several networks, GC, lost state.
import { chainOf, REFERENCE_BIN } from '@flatnet/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, fetchPage, ipsOf, useSandbox, withNetns, withServer } from './fixture.ts';
import { type Lab, openLab } from './ports-lab.ts';

const host = useSandbox();
let lab: Lab;
beforeAll(async () => void (lab = await openLab(host.sandbox)), 240_000);

// Also after a failed test, so that the leak check speaks of that test only.
afterEach(async () => {
  for (const name of ['c2', 'c3', 'x2']) await lab.ok('DEL', name, []);
});

const WEB = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const DNS = { hostPort: 5353, containerPort: 53, protocol: 'udp' };
const STATE = '/run/flatnet/hostport';
const flush = () => host.sandbox.must('nft', ['flush', 'ruleset']);
const files = async (): Promise<string> => (await host.sandbox.run('find', [STATE, '-type', 'f'])).stdout;
const refusal = async (...call: Parameters<Lab['cni']>) => errorOf(await lab.cni(...call));

describe('published ports', { timeout: 240_000 }, () => {
  it('have one owner: a held port is refused with the owner named, also between all addresses and one', async () => {
    await lab.ok('ADD', 'c2', [WEB]);
    expect(await refusal('ADD', 'c3', [WEB])).toMatchObject({
      code: 100,
      msg: expect.stringContaining('container c2') as string,
      details: expect.stringContaining('network net9') as string,
    });
    expect(await refusal('ADD', 'x2', [{ ...WEB, hostIP: '192.0.2.1' }])).toMatchObject({ code: 100 });
    await lab.ok('ADD', 'c3', [
      { ...WEB, hostPort: 8081, hostIP: '192.0.2.1' },
      { ...WEB, protocol: 'udp' },
    ]);
    const all = await refusal('ADD', 'x2', [{ ...WEB, hostPort: 8081 }]);
    expect(all).toMatchObject({ code: 100, msg: expect.stringContaining('container c3') as string });
    await lab.ok('ADD', 'x2', [{ ...WEB, hostPort: 8081, hostIP: '127.0.0.1' }]);
    expect(await lab.who('host', 'tcp 192.0.2.1 8081', 'tcp 127.0.0.1 8081', 'tcp 192.0.2.1 8080')).toEqual([
      'c3',
      'x2',
      'c2',
    ]);
    for (const name of ['c3', 'x2']) await lab.ok('DEL', name, []);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['c2']);
    await lab.ok('DEL', 'c2', []);
  });

  it('of one container may be on several host addresses', async () => {
    const both = [
      { ...WEB, hostIP: '192.0.2.1' },
      { ...WEB, hostIP: '127.0.0.1' },
    ];
    await lab.ok('ADD', 'c2', both);
    await lab.ok('CHECK', 'c2', both);
    expect(await lab.who('host', 'tcp 192.0.2.1 8080', 'tcp 127.0.0.1 8080', 'tcp 10.10.0.1 8080')).toEqual([
      'c2',
      'c2',
      'ECONNREFUSED',
    ]);
    await lab.ok('ADD', 'c2', both);
    expect(await refusal('ADD', 'x2', [WEB])).toMatchObject({ code: 100 });
    await lab.ok('DEL', 'c2', both);
    expect(await files()).toBe('');
  });

  it('of a container that is gone without a DEL are taken over', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['dead'], async ([netns]) => {
      await lab.ok('ADD', 'c3', [WEB, DNS], { env: { CNI_CONTAINERID: 'dead', CNI_NETNS: netns } });
    });
    await lab.ok('ADD', 'c2', [WEB]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['c2']);
    // Not only the port in question: all that the dead one had.
    expect(await lab.table()).not.toContain('10.9.0.3');
    await lab.ok('DEL', 'c2', []);
    expect(await files()).toBe('');
  });

  it('of a container whose namespace has lost its name stay its own as long as a process is in it, also without a record', async () => {
    const { sandbox } = host;
    const chain = chainOf(sandbox, {
      cniVersion: '1.0.0',
      name: 'hidden',
      plugins: [
        { type: 'flatnet', bridge: 'br-hidden', ipam: { type: 'flatnet-ipam', subnet: '10.44.0.0/24' } },
        { type: 'flatnet-portmap', capabilities: { portMappings: true } },
      ],
    });
    const at = (containerId: string) => ({
      ...{ containerId, netns: `/run/netns/${containerId}`, ifName: 'eth0' },
      capabilities: { portMappings: [{ hostPort: 8099, containerPort: 80, protocol: 'tcp' }] },
    });
    for (const name of ['hidden', 'other']) await sandbox.addNetns(name);
    await chain.add(at('hidden'));
    await sandbox.must('sh', ['-c', 'ip netns exec hidden sleep 1000 >/dev/null 2>&1 & sleep 0.1']);
    await sandbox.must('ip', ['netns', 'delete', 'hidden']);
    await expect(chain.add(at('other'))).rejects.toThrow('held by container hidden');
    await chain.del(at('other'));
    await sandbox.must('sh', ['-c', 'mkdir /run/kept && mv /run/flatnet/hostport /run/kept']);
    await expect(chain.add(at('other'))).rejects.toThrow(/held by container behind fl[0-9a-f]{12}/);
    await sandbox.must('sh', [
      '-c',
      'rm -rf /run/flatnet/hostport; mv /run/kept/hostport /run/flatnet && rmdir /run/kept',
    ]);
    await sandbox.must('pkill', ['-x', 'sleep']);
    await chain.del(at('other'));
    await chain.add(at('other'));
    for (const name of ['other', 'hidden']) await chain.del(at(name));
    await sandbox.deleteNetns('other');
    await sandbox.must('ip', ['link', 'delete', 'br-hidden']);
  });

  it('follow a repeated ADD with another list', async () => {
    await lab.ok('ADD', 'c2', [WEB, DNS], { extra: { allowFrom: '192.0.2.0/24' } });
    await lab.ok('ADD', 'c2', [{ ...WEB, hostPort: 8088 }, DNS]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8088', 'tcp 192.0.2.1 8080', 'udp 192.0.2.1 5353')).toEqual([
      'c2',
      'ECONNREFUSED',
      'c2',
    ]);
    expect(await lab.table()).not.toContain('chain allow');
    await lab.ok('CHECK', 'c2', [{ ...WEB, hostPort: 8088 }, DNS]);
    await lab.ok('DEL', 'c2', []);
  });

  it('of one container on two networks belong to the first, and go over to the second when that one is detached', async () => {
    const second = { network: 'net10', ifName: 'eth1', address: '10.9.0.3/24' };
    await lab.ok('ADD', 'c2', [WEB, DNS]);
    await lab.ok('ADD', 'c2', [WEB, { ...WEB, hostPort: 8085 }], second);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8085')).toEqual(['c2', 'c3']);
    await lab.ok('CHECK', 'c2', [WEB, DNS]);
    await lab.ok('CHECK', 'c2', [WEB, { ...WEB, hostPort: 8085 }], second);
    // Another container is still refused.
    expect(await refusal('ADD', 'x2', [WEB])).toMatchObject({ code: 100 });

    await lab.ok('DEL', 'c2', [WEB, DNS]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8085')).toEqual(['c3', 'c3']);
    await lab.ok('CHECK', 'c2', [WEB, { ...WEB, hostPort: 8085 }], second);
    await lab.ok('DEL', 'c2', [WEB], second);

    // The other order: detaching the one that waits changes nothing.
    await lab.ok('ADD', 'c2', [WEB]);
    await lab.ok('ADD', 'c2', [WEB], second);
    await lab.ok('DEL', 'c2', [WEB], second);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['c2']);
    await lab.ok('DEL', 'c2', [WEB]);
    expect(await files()).toBe('');
  });

  it('of one container on two networks: DEL minds neither a flush nor another container that was faster after it', async () => {
    const second = { network: 'net10', ifName: 'eth1', address: '10.9.0.3/24' };
    await lab.ok('ADD', 'c2', [WEB]);
    await lab.ok('ADD', 'c2', [WEB], second);
    await flush();
    await lab.ok('ADD', 'x2', [WEB]);
    await lab.ok('DEL', 'c2', [WEB]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['x2']);
    // The repeated DEL tries again, and now the port is free.
    await lab.ok('DEL', 'x2', [WEB]);
    await lab.ok('DEL', 'c2', [WEB]);
    expect(await lab.who('out', 'tcp 192.0.2.1 8080')).toEqual(['c3']);
    await lab.ok('DEL', 'c2', [WEB], second);
    expect(await files()).toBe('');
  });

  it('take the masquerade of their container along: refused, and with DEL when ipMasq is configured no longer', async () => {
    const masquerading = { extra: { ipMasq: true } };
    const masquerade = async () => (await host.sandbox.run('nft', ['list', 'table', 'inet', 'flatnet'])).stdout;
    await lab.ok('ADD', 'c2', [WEB]);
    expect(await refusal('ADD', 'x2', [WEB], masquerading)).toMatchObject({ code: 100 });
    expect(await masquerade()).toBe('');
    await lab.ok('ADD', 'c3', [{ ...WEB, hostPort: 8081 }], masquerading);
    expect(await masquerade()).toContain('10.9.0.3 : jump out_');
    await lab.ok('DEL', 'c2', []);
    expect(await masquerade()).toContain('10.9.0.3 : jump out_');
    await lab.ok('DEL', 'c3', []);
    expect(await masquerade()).toBe('');
    expect(await files()).toBe('');
  });

  it('that are not of a valid attachment are freed by GC, of this network only', async () => {
    const { sandbox } = host;
    await lab.ok('ADD', 'c2', [WEB]);
    await lab.ok('ADD', 'c3', [{ ...WEB, hostPort: 8081 }], { extra: { allowFrom: '192.0.2.0/24' } });
    await lab.ok('ADD', 'x2', [{ ...WEB, hostPort: 8082 }]);
    const gc = (...ids: string[]) =>
      lab.ok('GC', 'c2', [], {
        extra: { 'cni.dev/valid-attachments': ids.map((containerID) => ({ containerID, ifname: 'eth0' })) },
      });
    await gc('c2');
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8081', 'tcp 192.0.2.1 8082')).toEqual([
      'c2',
      'ECONNREFUSED',
      'x2',
    ]);
    expect(await lab.table()).not.toContain('chain allow');
    // The record is lost, the elements are not: GC finds them by their mark.
    await sandbox.must('rm', ['-rf', STATE]);
    await gc();
    expect(await lab.who('out', 'tcp 192.0.2.1 8080', 'tcp 192.0.2.1 8082')).toEqual(['ECONNREFUSED', 'x2']);
    // DEL does too, when the runtime says that there were ports.
    await lab.ok('DEL', 'x2', [{ ...WEB, hostPort: 8082 }]);
    expect(await lab.table()).not.toMatch(/comment|chain masq/);
  });

  it('leave no chain behind, and no guard of an interface that is gone', async () => {
    const { sandbox } = host;
    await sandbox.must('ip', ['link', 'add', 'ptp0', 'type', 'veth', 'peer', 'name', 'ptp1']);
    await sandbox.must('ip', ['link', 'set', 'ptp0', 'up']);
    await sandbox.must('ip', ['route', 'add', '10.77.0.2/32', 'dev', 'ptp0']);
    const call = { network: 'ptp', address: '10.77.0.2/32' };
    await lab.ok('ADD', 'c2', [WEB], call);
    expect(await lab.table()).toMatch(/ptp0[^]*chain masq4_10\.77\.0\.2_32/);
    // Another network with the same chain keeps it.
    await lab.ok('ADD', 'x2', [{ ...WEB, hostPort: 8081 }], { network: 'twin', address: '10.77.0.2/32' });
    await lab.ok('DEL', 'c2', [], call);
    expect(await lab.table()).toContain('chain masq4_10.77.0.2_32');
    await sandbox.must('ip', ['link', 'del', 'ptp0']);
    await lab.ok('DEL', 'x2', [], { network: 'twin' });
    expect(await lab.table()).not.toMatch(/ptp0|chain masq|comment/);
    expect(await files()).toBe('');
  });

  it('work behind the reference bridge and host-local', async () => {
    const { sandbox } = host;
    const ipam = { type: 'host-local', ranges: [[{ subnet: '10.88.8.0/24' }]], dataDir: '/run/cni/networks' };
    const bridge = { type: 'bridge', bridge: 'ref0', isGateway: true, isDefaultGateway: true, hairpinMode: true, ipam };
    const ports = { type: 'flatnet-portmap', ipMasq: true, capabilities: { portMappings: true } };
    const own = process.env['FLATNET_BIN'] ?? undefined;
    const list = { cniVersion: '1.0.0', name: 'ref', plugins: [bridge, ports] };
    const chain = chainOf(sandbox, list, own === undefined ? undefined : [own, REFERENCE_BIN]);
    await withNetns(sandbox, ['ref'], async ([netns]) => {
      const attachment = { containerId: 'ref', ifName: 'eth0', netns: netns!, capabilities: { portMappings: [WEB] } };
      const [address] = ipsOf(await chain.add(attachment));
      await withServer(sandbox, 'ref', 80, async () => {
        expect(await fetchPage(sandbox, '192.0.2.1', 8080)).toBe('served by ref');
        expect(await fetchPage(sandbox, '127.0.0.1', 8080)).toBe('served by ref');
        expect(await fetchPage(sandbox, '192.0.2.1', 8080, 'ref')).toBe('served by ref');
      });
      await chain.check(attachment);
      expect(address).toMatch(/^10\.88\.8\./);
      await chain.del(attachment);
    });
    await sandbox.must('ip', ['link', 'del', 'ref0']);
  });
});
