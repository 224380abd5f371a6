// The whole chain as libcni runs it, at the versions that runtimes use: addresses, both directions, published ports.
import { chainOf, type Attachment, type Conflist, type Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import {
  addressesIn,
  expectPing,
  fetchPage,
  ipsOf,
  readConflist,
  useSandbox,
  withNetns,
  withServer,
} from './fixture.ts';

const host = useSandbox();
const full = readConflist('30-flatnet-full.conflist');
const at = (cniVersion: string): Conflist => ({ ...full, cniVersion });
const bare = (address: string | undefined): string => address!.replace(/\/\d+$/, '');

const attachment = (containerId: string, netns: string | undefined, capabilities: Json = {}): Attachment => ({
  containerId,
  ifName: 'eth0',
  netns: netns!,
  capabilities,
});
const published = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };

/** The host's side of a link to the outside world, so that "from outside" can be tried: 192.0.2.1 <-> 192.0.2.2 in `outside`. */
const withOutside = (names: readonly string[], body: (paths: string[]) => Promise<void>): Promise<void> =>
  withNetns(host.sandbox, ['outside', ...names], async ([, ...paths]) => {
    const { must } = host.sandbox;
    await must('ip', ['link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'outside']);
    try {
      await must('ip', ['address', 'add', '192.0.2.1/24', 'dev', 'uplink']);
      await must('ip', ['link', 'set', 'dev', 'uplink', 'up']);
      await must('ip', ['-n', 'outside', 'address', 'add', '192.0.2.2/24', 'dev', 'eth0']);
      await must('ip', ['-n', 'outside', 'link', 'set', 'dev', 'eth0', 'up']);
      await body(paths);
    } finally {
      await must('ip', ['link', 'del', 'dev', 'uplink']);
    }
  });

describe.each(['0.4.0', '1.0.0', '1.1.0'])('the chain at %s', (version) => {
  it('connects two containers and publishes a port of one', () =>
    withOutside(['web', 'client'], async ([web, client]) => {
      const { sandbox } = host;
      const chain = chainOf(sandbox, at(version));
      const attachments = [attachment('web', web, published), attachment('client', client)];
      const [webResult, clientResult] = [await chain.add(attachments[0]!), await chain.add(attachments[1]!)];
      expect(webResult['cniVersion']).toBe(version);
      const [webAddress, clientAddress] = [bare(ipsOf(webResult)[0]), bare(ipsOf(clientResult)[0])];
      await expectPing(sandbox, 'client', webAddress);
      await expectPing(sandbox, 'web', clientAddress);
      // Masqueraded: `outside` has no route to the containers.
      await expectPing(sandbox, 'client', '192.0.2.2');
      await withServer(sandbox, 'web', 80, async () => {
        const sources: [string, string | undefined][] = [
          ['127.0.0.1', undefined],
          ['192.0.2.1', undefined],
          ['192.0.2.1', 'outside'],
          ['192.0.2.1', 'client'],
          ['192.0.2.1', 'web'],
        ];
        for (const [address, from] of sources) {
          expect(await fetchPage(sandbox, address, 8080, from), `${address} from ${from ?? 'the host'}`).toBe(
            'served by web',
          );
        }
      });
      for (const each of attachments) await chain.check(each);
      for (const each of attachments) await chain.del(each);
      expect(await fetchPage(sandbox, '192.0.2.1', 8080, 'outside')).toBe('');
    }));

  it('is taken down without namespaces and without kept results', async () => {
    const chain = chainOf(host.sandbox, at(version));
    await withNetns(host.sandbox, ['web'], async ([web]) => {
      await chain.add(attachment('web', web, published));
    });
    chain.forget();
    await chain.del({ ...attachment('web', '', published) });
    await chain.del({ ...attachment('web', '', published) });
  });
});

describe('the chain at 1.1.0', () => {
  it('GC takes back what a runtime forgot, and STATUS answers', async () => {
    const { sandbox } = host;
    const chain = chainOf(sandbox, at('1.1.0'));
    await withNetns(sandbox, ['kept', 'lost'], async ([kept, lost]) => {
      await chain.add(attachment('kept', kept));
      await chain.add(attachment('lost', lost, published));
      await chain.status();
      await chain.gc([{ containerId: 'kept', ifName: 'eth0' }]);
      await chain.check(attachment('kept', kept));
      await expectPing(sandbox, 'kept', '10.87.1.1');
      expect((await sandbox.run('ip', ['-n', 'lost', 'link', 'show', 'dev', 'eth0'])).exitCode).not.toBe(0);
      await chain.del(attachment('kept', kept));
    });
  });
});

describe('dual-stack', () => {
  it('has addresses, routes and published ports of both families', async () => {
    const { sandbox } = host;
    const chain = chainOf(sandbox, readConflist('20-flatnet-dualstack.conflist'));
    await withNetns(sandbox, ['web', 'client'], async ([web, client]) => {
      const attachments = [attachment('web', web, published), attachment('client', client)];
      const result = await chain.add(attachments[0]!);
      await chain.add(attachments[1]!);
      expect(await addressesIn(sandbox, 'web', 'eth0')).toEqual(ipsOf(result));
      for (const address of ipsOf(result)) await expectPing(sandbox, 'client', address);
      await withServer(sandbox, 'web', 80, async () => {
        for (const address of ['10.87.2.1', 'fd87:2::1']) {
          expect(await fetchPage(sandbox, address, 8080), address).toBe('served by web');
          expect(await fetchPage(sandbox, address, 8080, 'client'), `${address} from client`).toBe('served by web');
        }
      });
      for (const each of attachments) await chain.check(each);
      for (const each of attachments) await chain.del(each);
    });
  });
});
