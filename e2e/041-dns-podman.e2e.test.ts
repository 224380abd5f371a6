// Names of real containers: a network that Podman creates, with flatnet in place of the reference plugins.
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, REFERENCE_BIN } from '@flatnet/testing';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { servers } from './dns-lab.ts';
import { useSandbox } from './fixture.ts';
import { operatorOf } from './operator.ts';
import { attachmentOf, openPodman, type Podman } from './podman.ts';

const host = useSandbox();
const page = 'hello from flatnet\n';
const serving = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];
const sleeping = ['busybox', 'sleep', '1000'];
let podman: Podman;

beforeAll(async () => {
  const dropIn = join(host.sandbox.folder, 'drop-in');
  mkdirSync(dropIn);
  for (const name of ['bridge', 'host-local', 'portmap', 'tuning', 'dnsname'])
    symlinkSync(join(BIN, 'flatnet'), join(dropIn, name));
  podman = await openPodman(host.sandbox, [dropIn, BIN, REFERENCE_BIN]);
  podman.install('70-flatnet-names.conflist');
  await podman.must('network', 'create', 'compose');
});
afterEach(async () => {
  await podman.must('rm', '--force', '--all', '--time', '0');
  expect(await servers(host.sandbox)).toEqual([]);
});

const run = (name: string, ...options: string[]): Promise<string> =>
  podman.must('run', '--detach', '--name', name, ...options);
/** By the C library's resolver, which reads the resolv.conf that Podman wrote. */
const fetched = (client: string, name: string) => podman('exec', client, 'wget', '-q', '-O', '-', `http://${name}/`);

it('Podman itself puts dnsname into a network that it creates', () => {
  const list = JSON.parse(readFileSync(join(host.sandbox.folder, 'podman/net.d/compose.conflist'), 'utf8')) as {
    plugins: object[];
  };
  expect(list.plugins).toContainEqual({ type: 'dnsname', domainName: 'dns.podman', capabilities: { aliases: true } });
});

it.each(['compose', 'flatnet-names'])(
  'on network %s services find each other by name, by alias, and after a restart',
  async (network) => {
    await run('web', '--network', network, '--network-alias', 'front', ...serving);
    await run('client', '--network', network, ...sleeping);
    const before = (await attachmentOf(podman, 'web', network)).IPAddress;
    for (const name of ['web', 'front']) expect((await fetched('client', name)).stdout).toBe(page);
    await podman.must('exec', 'web', 'ping', '-c', '1', '-W', '5', 'client');
    await podman.must('stop', '--time', '0', 'web');
    expect((await fetched('client', 'web')).stderr).toContain('bad address');
    await run('other', '--network', network, '--ip', before, ...sleeping);
    await podman.must('start', 'web');
    expect((await attachmentOf(podman, 'web', network)).IPAddress).not.toBe(before);
    expect((await fetched('client', 'web')).stdout).toBe(page);
  },
);

it('a name that is none of Podman, and a container of another network, are not found', async () => {
  await run('web', '--network', 'compose', ...serving);
  await run('stranger', '--network', 'flatnet-names', ...sleeping);
  expect((await fetched('stranger', 'web')).stderr).toContain('bad address');
});

it('the operator sees the names of containers, asks as a container does, and serves names again', async () => {
  const ctl = operatorOf(host.sandbox, join(host.sandbox.folder, 'podman/net.d'));
  await run('web', '--network', 'flatnet-names', '--network-alias', 'front', ...serving);
  await run('client', '--network', 'flatnet-names', ...sleeping);
  const { IPAddress } = await attachmentOf(podman, 'web', 'flatnet-names');
  const shown = JSON.parse(await ctl.must('dns', 'show', 'flatnet-names', '-o', 'json')) as { names: string[] }[];
  expect(shown).toContainEqual(
    expect.objectContaining({
      ...{ domain: 'names.flatnet', addresses: [IPAddress], servers: ['10.87.7.1'], port: 53, state: 'ok' },
      names: ['web', 'front', expect.stringMatching(/^[0-9a-f]{12}$/) as string],
    }),
  );
  expect(await ctl.must('dns', 'test', 'front', '--from', 'client')).toContain(`found   ${IPAddress}`);
  expect(await ctl.refuses(1, 'dns', 'test', 'nobody', '--from', 'client')).toContain('does not find nobody');
  expect(await ctl.refuses(1, 'dns', 'test', 'web', '--from', 'stranger')).toContain('no container stranger');
  expect((await ctl('doctor')).stdout).toContain('names of flatnet-names: 2 containers are found');
  const [pid] = await servers(host.sandbox);
  await host.sandbox.must('kill', ['-9', String(pid)]);
  expect(await ctl.refuses(1, 'dns', 'show')).toContain('no dnsmasq serves bridge');
  expect((await ctl('doctor')).stdout).toMatch(/failed +names of flatnet-names: no dnsmasq serves/);
  expect(await ctl.must('rules', 'reload', '--dry-run')).toContain('would rebuild names web, front');
  expect(await ctl.must('rules', 'reload')).toContain('rebuilt names web, front');
  expect((await fetched('client', 'front')).stdout).toBe(page);
  await ctl.must('dns', 'show');
});
