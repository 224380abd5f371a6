// Limits of real containers: Podman runs the chain of configs/60-flatnet-limited.conflist.
import { beforeAll, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
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
  await podman.must('rm', '-f', '-t', '0', 'limited');
  expect(await host.sandbox.must('ip', ['-o', 'link', 'show', 'type', 'ifb'])).toBe('');
  expect((await host.sandbox.run('nft', ['list', 'table', 'netdev', 'flatnet_shape'])).exitCode).not.toBe(0);
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
