// flatnetctl install, with the real image and real Podman.
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, REFERENCE_BIN, type Json } from '@flatnet/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fetchPage, useSandbox } from './fixture.ts';
import { operatorOf, type Operator } from './operator.ts';
import { attachmentOf, openPodman, type Podman } from './podman.ts';

const host = useSandbox();
const folder = (name: string): string => join(host.sandbox.folder, name);
const REFERENCE = ['bridge', 'host-local', 'portmap', 'firewall', 'tuning'];
const OURS = ['flatnet', 'flatnet-ipam', 'flatnet-portmap'];
const web = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];
const page = 'hello from flatnet';

/** Podman looks for plugins in one folder: reference plugins, and what `flatnetctl install` puts beside them. */
let podman: Podman;
/** flatnetctl over Podman's networks and that folder. */
let ctl: Operator;
let where: string[];

beforeAll(async () => {
  mkdirSync(folder('cni'));
  for (const name of REFERENCE) copyFileSync(join(REFERENCE_BIN, name), folder(`cni/${name}`));
  podman = await openPodman(host.sandbox, [folder('cni')]);
  ctl = operatorOf(host.sandbox, folder('podman/net.d'), [folder('cni')]);
  where = ['--state-dir', folder('state')];
});
afterEach(async () => {
  await podman.must('rm', '--force', '--all', '--time', '0');
});

const install = (...args: string[]): string[] => [
  ...[
    'install',
    '--plugin-dir',
    folder('cni'),
    '--bin-dir',
    folder('bin'),
    '--driver-dir',
    folder('drivers'),
    '--from',
    BIN,
  ],
  ...[...where, ...args],
];

describe('install', () => {
  it('puts the real image under its names, once on the disk', async () => {
    await ctl.must(...install());
    expect(new Set(OURS.map((name) => statSync(folder(`cni/${name}`)).ino)).size).toBe(1);
    const version = await host.sandbox.must(folder('cni/flatnet-ipam'), [], { env: { CNI_COMMAND: 'VERSION' } });
    expect(JSON.parse(version)).toMatchObject({ supportedVersions: expect.arrayContaining(['1.1.0']) as unknown });
    expect(await host.sandbox.must(folder('bin/flatnetctl'), ['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('install --drop-in', () => {
  const links = (): (string | undefined)[] =>
    REFERENCE.map((name) =>
      lstatSync(folder(`cni/${name}`)).isSymbolicLink() ? readlinkSync(folder(`cni/${name}`)) : undefined,
    );

  it('asks on a terminal, and no means no', async () => {
    const line = [join(BIN, 'flatnetctl'), ...install('--drop-in', '--cni-path', folder('cni'))].join(' ');
    // `script` is the terminal; every word of the line is the test's own.
    const { stdout } = await host.sandbox.run('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      input: 'n\n',
    });
    expect(stdout).toContain('take bridge, host-local, portmap, bandwidth, tuning, dnsname, firewall in');
    expect(stdout).toContain('nothing was installed');
    expect(links()).toEqual(REFERENCE.map(() => undefined));
  });

  it('makes podman network create and run -p use flatnet; uninstall --purge brings the reference back', async () => {
    const before = REFERENCE.map((name) => statSync(folder(`cni/${name}`)).ino);
    await ctl.must(...install('--drop-in', '--yes'));
    expect(links()).toEqual(['flatnet', 'flatnet', 'flatnet', 'flatnet', 'flatnet']);

    const range = ['--subnet', '10.99.5.0/24', '--ip-range', '10.99.5.240/28'];
    await podman.must('network', 'create', ...range, '--disable-dns', 'plain');
    await podman.must('run', '-d', '--name', 'web', '--network', 'plain', '-p', '8081:80', ...web);
    const { IPAddress } = await attachmentOf(podman, 'web', 'plain');
    expect(IPAddress).toMatch(/^10\.99\.5\.24\d$/);
    expect(await fetchPage(host.sandbox, '10.99.5.1', 8081)).toBe(page);
    // The leases of what Podman calls host-local are read where flatnet keeps them.
    const shown = JSON.parse(
      await ctl.must('ipam', 'show', 'plain', '-o', 'json', '--cni-path', folder('cni')),
    ) as Json[];
    expect(shown).toMatchObject([{ address: IPAddress, name: 'web', state: 'alive' }]);
    const inspected = await ctl.must('network', 'inspect', 'plain', '--cni-path', folder('cni'));
    expect(JSON.parse(inspected)).toMatchObject([{ subnets: [{ addresses: { in_use: 1 } }] }]);
    // The host end and the tables are ours, the bridge's name and MTU are what the reference would have made.
    const bridge = (
      JSON.parse(await podman.must('network', 'inspect', 'plain')) as { network_interface: string }[]
    )[0]!;
    const ports = await host.sandbox.must('ip', ['-j', 'link', 'show', 'master', bridge.network_interface]);
    expect(JSON.parse(ports)).toEqual([
      expect.objectContaining({ ifname: expect.stringMatching(/^fl[0-9a-f]{12}$/) as string, mtu: 1500 }),
    ]);
    const tables = await host.sandbox.must('nft', ['list', 'tables']);
    expect(tables).toContain('table inet flatnet_hostport');
    expect(await host.sandbox.must('nft', ['list', 'ruleset'])).not.toContain('CNI-DN-');
    const log = await host.sandbox.must('cat', ['/run/flatnet/flatnet.log']);
    for (const plugin of ['bridge', 'host-local', 'portmap', 'firewall']) expect(log).toContain(`"plugin":"${plugin}"`);

    expect(await ctl.refuses(1, 'uninstall', ...where)).toContain('on plain');
    await podman.must('rm', '-f', '-t', '0', 'web');
    await ctl.must('network', 'create', 'extra');
    await podman.must('network', 'create', 'named');
    expect(await ctl.refuses(1, 'uninstall', ...where)).toContain('network named names the plugin dnsname');
    await podman.must('network', 'rm', 'named');
    await ctl.must('uninstall', '--purge', ...where);
    expect(readdirSync(folder('cni')).sort()).toEqual([...REFERENCE].sort());
    expect(REFERENCE.map((name) => statSync(folder(`cni/${name}`)).ino)).toEqual(before);
    expect([existsSync(folder('bin/flatnetctl')), existsSync(folder('state/installed.json'))]).toEqual([false, false]);
    expect(await host.sandbox.must('nft', ['list', 'tables'])).not.toContain('flatnet');
    expect((await host.sandbox.run('ls', ['/run/cni/flatnet', '/run/flatnet'])).stdout).toBe('');
    // The network is Podman's, so it stays, and the reference plugins serve it again.
    expect(await podman.must('network', 'ls', '--format', '{{.Name}}')).not.toContain('extra');
    await podman.must('run', '--rm', '--network', 'plain', 'busybox', 'ip', 'address', 'show', 'dev', 'eth0');
  });
});
