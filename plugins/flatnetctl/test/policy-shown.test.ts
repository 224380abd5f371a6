import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownerOf } from '@flatnet/cni';
import { PolicyFolder } from '@flatnet/policy';
import { expect, it } from 'vitest';
import { fakeWorld } from './fake-world.ts';

it('graph tells which policies hold for a container, and what its network is closed to', async () => {
  const { ctl, root, cacheDir } = fakeWorld();
  await ctl('network', 'create', 'web', '--isolate');
  const owner = ownerOf('web', { containerId: 'c1', ifName: 'eth0' });
  mkdirSync(join(cacheDir, 'results'), { recursive: true });
  writeFileSync(
    join(cacheDir, 'results', 'web-c1-eth0'),
    JSON.stringify({
      ...{ kind: 'cniCacheV1', containerId: 'c1', ifName: 'eth0', networkName: 'web', config: '' },
      result: { cniVersion: '1.1.0', interfaces: [], ips: [{ address: '10.87.0.2/24' }] },
    }),
  );
  const attachment = { owner, bridge: 'fl-web', addresses: [], names: ['db'], verdicts: {}, peers: [] };
  const record = { version: 1, owner, attachment, picks: [], selected: ['db', 'policies[1]'], netns: '/n' } as const;
  new PolicyFolder(join(root, 'policy'), 'boot.1').attachments.write(record);
  const { out } = await ctl('network', 'graph');
  expect(out).toContain('<br/>isolated from networks<br/>closed to the LAN"]');
  expect(out).toContain('"eth0 10.87.0.2/24, policy db, policy policies[1]"');
});
