// Isolation and policies of real containers: networks that Podman creates, with flatnet in place of the reference plugins, and our own.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, REFERENCE_BIN, type Json } from '@flatnet/testing';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { fetchPage, useSandbox } from './fixture.ts';
import { operatorOf } from './operator.ts';
import { attachmentOf, openPodman, type Podman } from './podman.ts';

const host = useSandbox();
const page = 'hello from flatnet\n';
const serving = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];
const sleeping = ['busybox', 'sleep', '1000'];
let podman: Podman;
let ctl: ReturnType<typeof operatorOf>;
const netDir = () => join(host.sandbox.folder, 'podman/net.d');

beforeAll(async () => {
  const dropIn = join(host.sandbox.folder, 'drop-in');
  mkdirSync(dropIn);
  for (const name of ['bridge', 'host-local', 'portmap', 'tuning', 'firewall'])
    symlinkSync(join(BIN, 'flatnet'), join(dropIn, name));
  podman = await openPodman(host.sandbox, [dropIn, BIN, REFERENCE_BIN]);
  podman.install('50-flatnet-policies.conflist');
  ctl = operatorOf(host.sandbox, netDir());
  for (const name of ['one', 'two'])
    await podman.must('network', 'create', '--disable-dns', '--opt', 'isolate=true', name);
});
afterEach(async () => {
  await podman.must('rm', '--force', '--all', '--time', '0');
  expect((await host.sandbox.run('nft', ['list', 'table', 'inet', 'flatnet_policy'])).stdout).toBe('');
});

const run = (name: string, ...options: string[]): Promise<string> =>
  podman.must('run', '--detach', '--name', name, ...options);
const addressOf = async (name: string, network: string) => (await attachmentOf(podman, name, network)).IPAddress;
const fetched = async (client: string, address: string, port = 80): Promise<string> => {
  const get = ['wget', '-q', '-O', '-', `http://${address}:${port}/`];
  return (await podman('exec', client, 'busybox', 'timeout', '1', 'busybox', ...get)).stdout;
};

it('networks that Podman creates with isolate=true are kept apart, and published ports cross', async () => {
  const { plugins } = JSON.parse(readFileSync(join(netDir(), 'one.conflist'), 'utf8')) as { plugins: object[] };
  expect(plugins).toContainEqual({ type: 'firewall', backend: '', ingressPolicy: 'same-bridge' });
  await run('web', '--network', 'one', '-p', '8080:80', ...serving);
  await run('sibling', '--network', 'one', ...sleeping);
  await run('stranger', '--network', 'two', ...sleeping);
  const address = await addressOf('web', 'one');
  expect(await fetched('sibling', address)).toBe(page);
  expect(await fetched('stranger', address)).toBe('');
  const gateway = address.replace(/\d+$/, '1');
  expect(await fetched('stranger', gateway, 8080)).toBe(page);
  expect(await fetchPage(host.sandbox, gateway, 8080)).toBe(page.trim());
  await podman.must('network', 'reload', '--all');
  expect([await fetched('sibling', address), await fetched('stranger', address)]).toEqual([page, '']);
});

it('a policy holds by name and by alias, after a restart with another address, and from the LAN for -p', async () => {
  const on = ['--network', 'flatnet-policies'];
  await run('web', ...on, '--network-alias', 'db-main', '-p', '8080:80', ...serving);
  await run('api', ...on, ...sleeping);
  await run('other', ...on, ...sleeping);
  const web = () => addressOf('web', 'flatnet-policies');
  const reached = async () => [await fetched('api', await web()), await fetched('other', await web())];
  // The policy lets in port 5432 alone.
  expect(await reached()).toEqual(['', '']);
  const path = join(netDir(), '50-flatnet-policies.conflist');
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, before.replace('5432', '80'));
  expect(await ctl.must('policy', 'apply', 'flatnet-policies', '--dry-run')).toContain('would apply to web');
  expect(await reached()).toEqual(['', '']);
  await ctl.must('policy', 'apply', 'flatnet-policies');
  expect(await reached()).toEqual([page, '']);
  const address = await web();
  await podman.must('stop', '--time', '0', 'web');
  await run('squatter', ...on, '--ip', address, ...sleeping);
  await podman.must('start', 'web');
  expect(await web()).not.toBe(address);
  expect(await reached()).toEqual([page, '']);
  // A file that means nothing changes nothing.
  writeFileSync(path, before.replace('"container": "api"', '"container": "a*i"'));
  expect(await ctl.refuses(1, 'policy', 'apply', 'flatnet-policies')).toContain(
    'policies[0].ingress[0].from[0].container',
  );
  expect(await reached()).toEqual([page, '']);
  writeFileSync(path, before);
});

it('the operator sees what holds and what was refused, and rules reload brings it back after a flush', async () => {
  const on = ['--network', 'flatnet-policies'];
  await run('db', ...on, ...serving);
  await run('other', ...on, ...sleeping);
  expect(await fetched('other', await addressOf('db', 'flatnet-policies'))).toBe('');
  const [shown] = JSON.parse(await ctl.must('policy', 'show', 'db', '-o', 'json')) as Json[];
  expect(shown).toMatchObject({
    ...{
      network: 'flatnet-policies',
      names: ['db', expect.any(String) as string],
      policies: ['policies[0]'],
      state: 'ok',
    },
    ...{ ingress: 'container api at tcp 5432', egress: 'open', isolation: 'same-bridge, external published' },
  });
  expect((shown!['refused'] as { ingress: number }).ingress).toBeGreaterThan(0);
  const doctor = async () => (await ctl('doctor')).stdout;
  expect(await doctor()).toContain('policies of flatnet-policies: 2 containers are guarded');
  await ctl.must('network', 'create', 'routed', '--external', 'open', '--disable-dns');
  expect(await doctor()).toContain('open to the LAN: routed: ');
  await ctl.must('network', 'rm', 'routed');
  await host.sandbox.must('nft', ['flush', 'ruleset']);
  expect(await ctl.refuses(1, 'policy', 'show')).toContain('table inet flatnet_policy');
  expect(await doctor()).toMatch(/failed +policies of flatnet-policies: missing in the kernel/);
  expect(await ctl.must('rules', 'reload')).toContain(
    'rebuilt policy same-bridge, external published; from container api',
  );
  await ctl.must('policy', 'show', 'db');
  expect(await fetched('other', await addressOf('db', 'flatnet-policies'))).toBe('');
});

it('a container picks a policy by name, and a name that the network does not have starts no container', async () => {
  const script = join(import.meta.dirname, 'bin/podman-private');
  const folder = join(host.sandbox.folder, 'podman');
  const start = (policy: string, name: string) =>
    host.sandbox.run(script, [folder, 'run', '-d', '--name', name, '--network', 'flatnet-policies', ...sleeping], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder, CNI_ARGS: `FLATNET_POLICY=${policy}` },
      timeoutMs: 90_000,
    });
  expect(await start('offline', 'quiet')).toMatchObject({ exitCode: 0 });
  await run('web', '--network', 'flatnet-policies', ...serving);
  expect(await fetched('quiet', await addressOf('web', 'flatnet-policies'))).toBe('');
  const refused = await start('nosuch', 'none');
  expect([refused.exitCode === 0, refused.stderr]).toEqual([
    false,
    expect.stringContaining('network flatnet-policies has no policy "nosuch"'),
  ]);
});
