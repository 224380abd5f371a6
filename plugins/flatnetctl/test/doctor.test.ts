import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeWorld } from './fake-world.ts';

test('doctor names missing plugins, broken files and clashes, each with a repair', async () => {
  const { ctl, netDir } = fakeWorld();
  await ctl('network', 'create', 'web');
  const plugins = [{ type: 'bridge', ipam: { subnet: '10.87.0.0/16' } }];
  writeFileSync(join(netDir, 'wide.conflist'), JSON.stringify({ name: 'wide', plugins }));
  writeFileSync(join(netDir, 'torn.conflist'), '{');
  const { code, out } = await ctl('doctor', '-o', 'json');
  const findings: { check: string; state: string; reason: string; repair?: string }[] = JSON.parse(out);
  const troubles = findings.filter(({ state }) => state !== 'ok');
  expect(code).toBe(1);
  expect(troubles.every(({ repair }) => repair !== undefined && repair !== '')).toBe(true);
  const reasons = troubles.map(({ reason }) => reason).join('\n');
  for (const words of ['torn.conflist', 'flatnet, flatnet-portmap', '10.87.0.0/16 of wide'])
    expect(reasons).toContain(words);
});

test('ipam show of networks without leases is empty', async () => {
  const { ctl, netDir } = fakeWorld();
  mkdirSync(netDir);
  const plugins = [
    { type: 'flatnet', ipam: { type: 'flatnet-ipam', dataDir: join(netDir, 'none'), subnet: '10.9.0.0/29' } },
  ];
  writeFileSync(join(netDir, 'n.conflist'), JSON.stringify({ name: 'n', plugins }));
  expect(JSON.parse((await ctl('ipam', 'show', '-o', 'json')).out)).toEqual([]);
  expect((await ctl('ipam', 'show', '--summary')).out).toBe(
    'NETWORK  SUBNET       TOTAL  IN USE  FREE\nn        10.9.0.0/29  6      0       6\n',
  );
  expect((await ctl('ipam', 'show', '--ip', '10.9.0.2')).code).toBe(1);
});
