import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskOf, judgeStart } from '../src/doctor/start.ts';
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

test('a check that cannot be made is a finding, and the others are told', async () => {
  const { ctl, netDir } = fakeWorld();
  mkdirSync(netDir);
  // A store cannot be in a relative folder.
  const plugins = [{ type: 'flatnet', ipam: { type: 'flatnet-ipam', dataDir: 'leases', subnet: '10.9.0.0/29' } }];
  writeFileSync(join(netDir, 'n.conflist'), JSON.stringify({ name: 'n', plugins }));
  const { code, out } = await ctl('doctor', '-o', 'json');
  expect(code).toBe(1);
  const findings = JSON.parse(out) as { check: string; state: string; reason: string; repair?: string }[];
  for (const check of ['pools', 'leases']) {
    expect(findings.find((finding) => finding.check === check)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('dataDir must be an absolute path') as string,
      repair: 'look at leases',
    });
  }
  expect(findings.map(({ check }) => check)).toContain('executables');
});

test('doctor without root blames no kernel, and says to be root', async () => {
  const { ctl } = fakeWorld('/nonexistent', undefined, false);
  const { code, out } = await ctl('doctor', '-o', 'json');
  expect(code).toBe(1);
  const findings = JSON.parse(out) as { check: string; state: string; repair?: string }[];
  expect(findings.filter(({ check }) => /^(?:root|kernel|nft)/.test(check))).toMatchObject([
    { check: 'root', state: 'failed', repair: 'run it as root' },
    { check: 'kernel', state: 'warning', repair: 'run it as root' },
    { check: 'nft', state: 'warning', repair: 'run it as root' },
  ]);
  expect(out).not.toContain('modprobe');
});

test('ipam show --summary counts what containers can get, as inspect does', async () => {
  const { ctl, netDir } = fakeWorld();
  mkdirSync(netDir);
  const range = { subnet: '10.61.0.0/24', rangeStart: '10.61.0.10', rangeEnd: '10.61.0.11' };
  const ipam = { type: 'flatnet-ipam', dataDir: join(netDir, 'none'), ranges: [[range]] };
  writeFileSync(join(netDir, 'n.conflist'), JSON.stringify({ name: 'n', plugins: [{ type: 'flatnet', ipam }] }));
  expect(JSON.parse((await ctl('ipam', 'show', '--summary', '-o', 'json')).out)).toEqual([
    { network: 'n', subnet: '10.61.0.0/24', total: 2, used: 0, free: 2 },
  ]);
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
    'NETWORK  SUBNET       TOTAL  IN USE  FREE\nn        10.9.0.0/29  5      0       5\n',
  );
  expect((await ctl('ipam', 'show', '--ip', '10.9.0.2')).code).toBe(1);
});

test.each<[string, number, number, RegExp | undefined]>([
  ['warm', 12, 10, undefined],
  ['cold', 1400, 40, /^\/p was not in the page cache: 1400 ms to start, then 40 ms; it is on DISK$/],
  ['a hiccup of the machine', 400, 10, undefined],
  ['a busy machine', 900, 600, undefined],
  ['slow each time', 3000, 2600, /^\/p takes 2600 ms to start, also with its file in memory; it is on DISK$/],
])('doctor calls a plugin %s (%i ms, then %i ms) by its name', (_, first, second, reason) => {
  const finding = judgeStart({ path: '/p', first, second }, 'DISK');
  if (reason === undefined) return expect(finding).toBeUndefined();
  expect(finding).toMatchObject({ state: 'warning', reason: expect.stringMatching(reason) as string });
});

test.each([
  ['/opt/cni/bin/flatnet', '/dev/vdb (xfs, mounted on /opt)'],
  ['/optional/flatnet', '/dev/vda1 (ext4, mounted on /)'],
  ['/mnt/a b/flatnet', 'server:/x (nfs4, mounted on /mnt/a b)'],
])('the disk of %s is %s', (path, disk) => {
  const mountinfo = [
    '22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw',
    '30 22 254:2 / /opt rw,relatime - ext4 /dev/under rw',
    '31 22 254:16 / /opt rw,relatime shared:2 master:1 - xfs /dev/vdb rw',
    '32 22 0:40 / /mnt/a\\040b rw - nfs4 server:/x rw',
    '',
  ];
  expect(diskOf(path, mountinfo.join('\n'))).toBe(disk);
});

test('doctor starts each image once, and complains of no plugin that is not there', async () => {
  const { ctl, root, netDir } = fakeWorld();
  const plugins = join(root, 'plugins');
  mkdirSync(plugins);
  const note = join(root, 'started');
  writeFileSync(join(plugins, 'flatnet'), `#!/bin/sh\necho "$CNI_COMMAND" >> ${note}\n`, { mode: 0o755 });
  linkSync(join(plugins, 'flatnet'), join(plugins, 'flatnet-ipam'));
  mkdirSync(netDir);
  writeFileSync(join(netDir, 'n.conflist'), JSON.stringify({ name: 'n', plugins: [{ type: 'elsewhere' }] }));
  const { out } = await ctl('doctor', '--cni-path', plugins, '-o', 'json');
  const findings = JSON.parse(out) as { check: string; state: string }[];
  expect(findings.filter(({ check }) => check === 'start')).toHaveLength(1);
  expect(readFileSync(note, 'utf8')).toBe('VERSION\nVERSION\n');
});
