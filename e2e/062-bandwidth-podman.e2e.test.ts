// Limits of real containers: Podman runs the chain of configs/60-flatnet-limited.conflist.
import { join } from 'node:path';
import { BIN } from '@flatnet/testing';
import { beforeAll, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { operatorOf } from './operator.ts';
import { openPodman, type Podman } from './podman.ts';

const host = useSandbox();
let podman: Podman;
beforeAll(async () => {
  podman = await openPodman(host.sandbox);
  podman.install('60-flatnet-limited.conflist');
});

it('a container has its limits from start to removal, and its siblings pass freely', async () => {
  await podman.must('run', '-d', '--name', 'limited', '--network', 'flatnet-limited', 'busybox', 'sleep', '300');
  const qdiscs = JSON.parse(await host.sandbox.must('tc', ['-j', '-d', 'qdisc'])) as Record<string, unknown>[];
  const rates = qdiscs.flatMap(({ kind, options }) => (kind === 'tbf' ? [(options as { rate: number }).rate * 8] : []));
  expect(rates.sort()).toEqual([10_000_000, 2_000_000]);
  const ruleset = await host.sandbox.must('nft', ['list', 'table', 'netdev', 'flatnet_shape']);
  expect(ruleset).toContain('ip daddr 10.87.6.0/24 return');
  // What is limited passes the ifb, and comes to the bridge and its guards by the container's own port again.
  await host.sandbox.must('ip', ['address', 'add', '192.0.2.1/32', 'dev', 'lo']);
  await podman.must('exec', 'limited', 'ping', '-c', '2', '-W', '15', '192.0.2.1');
  await podman.must('exec', 'limited', 'ping', '-c', '2', '-W', '15', '10.87.6.1');
  await host.sandbox.must('ip', ['address', 'delete', '192.0.2.1/32', 'dev', 'lo']);
  const [ifb] = JSON.parse(await host.sandbox.must('ip', ['-j', '-s', 'link', 'show', 'type', 'ifb'])) as {
    stats64: { tx: { packets: number } };
  }[];
  expect(ifb?.stats64.tx.packets).toBeGreaterThanOrEqual(2);
  await podman.must('rm', '-f', '-t', '0', 'limited');
  expect(await host.sandbox.must('ip', ['-o', 'link', 'show', 'type', 'ifb'])).toBe('');
  expect((await host.sandbox.run('nft', ['list', 'table', 'netdev', 'flatnet_shape'])).exitCode).not.toBe(0);
});

it('an operator changes a limit, which holds over a flush and goes with the container', async () => {
  const ctl = operatorOf(host.sandbox, join(host.sandbox.folder, 'podman/net.d'));
  await podman.must('run', '-d', '--name', 'web', '--network', 'flatnet-limited', 'busybox', 'sleep', '300');
  const limits = async () =>
    (await ctl.must('limit', 'show', '-n', 'flatnet-limited', 'web')).replaceAll(/ {2,}/g, '|');
  expect(await limits()).toMatch(/\|web\|eth0\|10 Mbit\/s\|2 Mbit\/s\|0\/0\|0\/0\|ok/);
  await ctl.must('limit', 'set', 'flatnet-limited', 'web', '--down', '2.5MB', '--up', 'none');
  expect(await limits()).toMatch(/\|20 Mbit\/s\|-\|.*\|ok/);
  await ctl.must('limit', 'set', 'flatnet-limited', 'web', '--up', '4M');
  await host.sandbox.must('nft', ['flush', 'ruleset']);
  expect(await ctl.refuses(1, 'limit', 'show', 'flatnet-limited')).toContain('rules reload');
  expect(await ctl.must('rules', 'reload', '--dry-run')).toContain('would rebuild limit');
  expect(await ctl.must('rules', 'reload')).toContain('rebuilt limit');
  expect(await limits()).toMatch(/\|20 Mbit\/s\|4 Mbit\/s\|.*\|ok/);
  const [inspected] = JSON.parse(await ctl.must('network', 'inspect', 'flatnet-limited')) as [object];
  expect(JSON.stringify(inspected)).toContain('"limits":{"down":20000000,"up":4000000}');
  expect((await ctl('doctor')).stdout).toContain('limits');
  await podman.must('rm', '-f', '-t', '0', 'web');
  expect(await ctl.must('limit', 'show', '-n')).toBe('');
  expect(await host.sandbox.must('ip', ['-o', 'link', 'show', 'type', 'ifb'])).toBe('');
});

it('limit show --watch tells each second what was dropped and what waits, and ends with its reader', async () => {
  const { sandbox } = host;
  await podman.must('run', '-d', '--name', 'busy', '--network', 'flatnet-limited', 'busybox', 'sleep', '300');
  const address = (await podman.must('exec', 'busy', 'hostname', '-i')).trim();
  await sandbox.must('ip', ['address', 'add', '192.0.2.1/32', 'dev', 'lo']);
  // Three hundred packets at once are ten times what may wait.
  await sandbox.run('ping', [
    '-q',
    '-I',
    '192.0.2.1',
    '-l',
    '300',
    '-S',
    '200000',
    '-c',
    '300',
    '-s',
    '1400',
    '-w',
    '1',
    address,
  ]);
  await sandbox.must('ip', ['address', 'delete', '192.0.2.1/32', 'dev', 'lo']);
  const show = `${BIN}/flatnetctl limit show -n --watch flatnet-limited busy`;
  const lines = (
    await sandbox.must('bash', ['-c', `timeout 20 ${show} | head -n 2; echo \${PIPESTATUS[0]}`], {
      env: { NETCONFPATH: join(sandbox.folder, 'podman/net.d') },
    })
  ).trim();
  expect(lines.replaceAll(/ {2,}/g, '|')).toMatch(/^(flatnet-limited\|.*\|[1-9]\d*\/[1-9]\d*\|0\/0\|ok\n){2}0$/);
  await podman.must('rm', '-f', '-t', '0', 'busy');
});

it('a network with a limit that is wrong starts no container, and says which key', async () => {
  const conflist = {
    cniVersion: '1.0.0',
    name: 'wrong',
    plugins: [
      { type: 'flatnet', ipam: { type: 'flatnet-ipam', ranges: [[{ subnet: '10.87.7.0/24' }]] } },
      { type: 'flatnet-bandwidth', ingressRate: '10M' },
    ],
  };
  podman.install(conflist);
  const run = await podman('run', '--rm', '--network', 'wrong', 'busybox', 'true');
  expect(run.exitCode).not.toBe(0);
  expect(run.stderr).toContain('ingressRate is "10M"');
});
