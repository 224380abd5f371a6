import { FakeKernel } from '@flatnet/kernel/testing';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { placeFile } from '../src/conflist/directory.ts';
import { isLeasedHere } from '../src/ipam/leased-here.ts';
import { decodeNetwork } from '../src/conflist/model.ts';
import { fakeWorld } from './fake-world.ts';

const subnetOf = (path: string): string => JSON.parse(readFileSync(path, 'utf8')).plugins[0].ipam.ranges[0][0].subnet;

describe('network create', () => {
  test('writes a conflist that says who wrote it, and prints the name', async () => {
    const { ctl, netDir } = fakeWorld();
    const { code, out } = await ctl('network', 'create', 'web', '--label', 'tier=front', '--mtu', '1400');
    expect({ code, out }).toEqual({ code: 0, out: 'web\n' });
    expect(JSON.parse(readFileSync(join(netDir, 'web.conflist'), 'utf8'))).toEqual({
      cniVersion: '1.0.0',
      cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
      name: 'web',
      flatnetctl: { created: '2026-01-02T03:04:05.000Z' },
      args: { podman_labels: { tier: 'front' } },
      plugins: [
        {
          type: 'flatnet',
          mtu: 1400,
          ipam: { type: 'flatnet-ipam', ranges: [[{ subnet: '10.87.0.0/24', gateway: '10.87.0.1' }]] },
          capabilities: { ips: true, mac: true },
        },
        { type: 'flatnet-portmap', capabilities: { portMappings: true } },
        { type: 'flatnet-firewall', external: 'published', capabilities: { aliases: true } },
        { type: 'flatnet-dns', capabilities: { aliases: true } },
      ],
    });
    expect(readdirSync(netDir)).toEqual(['web.conflist']);
  });

  test('gives no names with --disable-dns', async () => {
    const { ctl } = fakeWorld();
    const { out } = await ctl('network', 'create', 'web', '--disable-dns', '--dry-run');
    const { plugins } = JSON.parse(out) as { plugins: { type: string }[] };
    expect(plugins.map(({ type }) => type)).toEqual(['flatnet', 'flatnet-portmap', 'flatnet-firewall']);
  });

  test('gives no names where dnsmasq is not installed, and says so', async () => {
    const { ctl } = fakeWorld('/nonexistent', undefined, true, false);
    const { out, err } = await ctl('network', 'create', 'web', '--dry-run');
    expect(out).not.toContain('flatnet-dns');
    expect(err).toContain('dnsmasq is not installed');
  });

  test('takes the next free subnet, also beside hand-written networks', async () => {
    const { ctl, netDir } = fakeWorld();
    mkdirSync(netDir);
    const plugins = [{ type: 'bridge', ipam: { type: 'host-local', subnet: '10.87.0.128/25' } }];
    writeFileSync(join(netDir, 'hand.conflist'), JSON.stringify({ name: 'hand', cniVersion: '1.0.0', plugins }));
    await ctl('network', 'create', 'a');
    await ctl('network', 'create', 'b');
    expect(['a', 'b'].map((name) => subnetOf(join(netDir, `${name}.conflist`)))).toEqual([
      '10.87.1.0/24',
      '10.87.2.0/24',
    ]);
  });

  test('eight at once choose eight subnets', async () => {
    const { ctl, netDir } = fakeWorld();
    const names = Array.from({ length: 8 }, (_, index) => `n${index}`);
    const outcomes = await Promise.all(names.map((name) => ctl('network', 'create', name)));
    expect(outcomes.map(({ code }) => code)).toEqual(names.map(() => 0));
    expect(new Set(names.map((name) => subnetOf(join(netDir, `${name}.conflist`)))).size).toBe(8);
  });

  test('--dry-run prints and writes nothing', async () => {
    const { ctl, netDir } = fakeWorld();
    const { code, out } = await ctl('network', 'create', 'web', '--dry-run');
    expect(code).toBe(0);
    expect(JSON.parse(out).name).toBe('web');
    expect(existsSync(netDir)).toBe(false);
  });

  test('--allow-overlap tells the plugin too, which would refuse each container', async () => {
    const { ctl } = fakeWorld();
    const planOf = async (...args: string[]) =>
      JSON.parse((await ctl('network', 'create', 'x', '--dry-run', '--allow-overlap', ...args)).out).plugins[0];
    expect(await planOf()).toMatchObject({ allowOverlap: true });
    expect(await planOf('--opt', 'allowOverlap=false')).toMatchObject({ allowOverlap: false });
  });

  test.each([
    [['../evil'], 2, 'invalid network name'],
    [['a b'], 2, 'invalid network name'],
    [['x', '--subnet', '10.1.0.5/24'], 2, 'has host bits set'],
    [['x', '--subnet', 'nonsense'], 2, 'is not a subnet'],
    [['x', '--subnet', '10.1.0.0/31'], 2, 'no room'],
    [['x', '--subnet', '10.1.0.0/24', '--gateway', '10.2.0.1'], 2, 'is not in 10.1.0.0/24'],
    [['x', '--subnet', '10.1.0.0/24', '--gateway', '10.1.0.255'], 2, 'broadcast'],
    [['x', '--subnet', '10.1.0.0/24', '--ip-range', '10.2.0.0/25'], 2, 'is not in 10.1.0.0/24'],
    [['x', '--subnet', '10.1.0.0/24', '--subnet', '10.1.0.128/25'], 1, 'another --subnet'],
    [['x', '--opt', 'nope=1'], 2, 'unknown key'],
    [['x', '--opt', 'mtu=much'], 2, 'no number'],
  ])('refuses %j', async (args, code, words) => {
    const { ctl, netDir } = fakeWorld();
    const outcome = await ctl('network', 'create', ...args);
    expect(outcome.code).toBe(code);
    expect(outcome.err).toContain(words);
    expect(outcome.err).toMatch(/\nNext: {2}\S/);
    expect(existsSync(netDir)).toBe(false);
  });

  test('knows the spellings of Podman and Docker, and keeps the working defaults beside an option', async () => {
    const { ctl } = fakeWorld();
    const { out } = await ctl(
      ...['network', 'create', 'x', '--dry-run', '--opt', 'com.docker.network.bridge.enable_icc=false'],
      ...['--opt', 'com.docker.network.bridge.enable_ip_masquerade=false'],
    );
    expect(JSON.parse(out).plugins[0]).toMatchObject({ portIsolation: true, ipMasq: false, isDefaultGateway: true });
  });
});

describe('isolation', () => {
  test('from containers is a key of the plugin, and inspect tells it', async () => {
    const { ctl, netDir } = fakeWorld();
    expect((await ctl('network', 'create', 'web', '--isolate', 'containers')).code).toBe(0);
    expect(JSON.parse(readFileSync(join(netDir, 'web.conflist'), 'utf8')).plugins[0].portIsolation).toBe(true);
    expect(JSON.parse((await ctl('network', 'inspect', 'web')).out)[0].isolation).toEqual(['containers']);
  });

  test.each<[string[], string | undefined, string[]]>([
    [['--isolate'], 'same-bridge', ['networks']],
    [['--opt', 'isolate=true'], 'same-bridge', ['networks']],
    [['--isolate', 'all'], 'isolated', ['networks', 'containers']],
    [['--isolate', 'strict'], 'strict', ['strict']],
    [['--opt', 'isolate=strict'], 'strict', ['strict']],
    [[], undefined, []],
  ])('%j is a word of flatnet-firewall, and inspect tells it', async (args, ingressPolicy, isolation) => {
    const { ctl, netDir } = fakeWorld();
    await ctl('network', 'create', 'web', ...args);
    const { plugins } = JSON.parse(readFileSync(join(netDir, 'web.conflist'), 'utf8')) as { plugins: object[] };
    const firewall = { type: 'flatnet-firewall', external: 'published', capabilities: { aliases: true } };
    expect(plugins[2]).toEqual(ingressPolicy === undefined ? firewall : { ...firewall, ingressPolicy });
    expect(JSON.parse((await ctl('network', 'inspect', 'web')).out)[0].isolation).toEqual(isolation);
  });

  test.each([
    [['--internal'], []],
    [['--opt', 'ipMasq=false'], []],
    [['--external', 'open'], []],
    [['--external', 'open', '--isolate'], [{ ingressPolicy: 'same-bridge' }]],
    [['--internal', '--external', 'published'], [{ external: 'published' }]],
  ])('a network with %j is guarded as %j says', async (args, expected) => {
    const { ctl } = fakeWorld();
    const { out } = await ctl('network', 'create', 'web', '--dry-run', ...args);
    const { plugins } = JSON.parse(out) as { plugins: { type: string }[] };
    const capabilities = { aliases: true };
    expect(plugins.filter(({ type }) => type === 'flatnet-firewall')).toEqual(
      expected.map((keys) => ({ type: 'flatnet-firewall', capabilities, ...keys })),
    );
  });
});

test('a file is put in place without following links, whatever its temporary name is', () => {
  const { root } = fakeWorld();
  const [precious, path] = [join(root, 'precious'), join(root, 'report.json')];
  writeFileSync(precious, 'precious');
  symlinkSync(precious, `${path}.${process.pid}.new`);
  symlinkSync(precious, path);
  placeFile(path, 'report', 'replace');
  expect(readFileSync(precious, 'utf8')).toBe('precious');
  expect(lstatSync(path).isFile()).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe('report');
});

describe('looking', () => {
  test('ls shows hand-written networks and warns of files that no runtime can read', async () => {
    const { ctl, netDir } = fakeWorld();
    await ctl('network', 'create', 'web');
    writeFileSync(join(netDir, '10-hand.conf'), '{"name":"hand","type":"macvlan"}');
    writeFileSync(join(netDir, 'half.conflist'), '{"name": "half", "plug');
    const { code, out, err } = await ctl('network', 'ls');
    expect({ code, out }).toMatchSnapshot();
    expect(err).toContain('half.conflist: not JSON');
    expect(JSON.parse((await ctl('network', 'ls', '-o', 'json', '--filter', 'driver=flatnet')).out)).toEqual([
      expect.objectContaining({ name: 'web', bridge: 'fl-web', subnets: ['10.87.0.0/24'], containers: 0 }),
    ]);
  });

  test('inspect and exists', async () => {
    const { ctl } = fakeWorld();
    await ctl('network', 'create', 'web', '--subnet', '10.5.0.0/24', '--subnet', 'fd00:5::/64');
    const [web] = JSON.parse((await ctl('network', 'inspect', 'web')).out);
    expect(web).toMatchObject({ driver: 'flatnet', network_interface: 'fl-web', ipv6_enabled: true, managed: true });
    expect((await ctl('network', 'exists', 'web')).code).toBe(0);
    expect(await ctl('network', 'exists', 'gone')).toEqual({ code: 1, out: '', err: '' });
    expect((await ctl('network', 'inspect', 'gone')).err).toContain('no network named "gone"');
  });

  test('graph draws labels that cannot break out of their quotes', async () => {
    const { ctl } = fakeWorld();
    await ctl('network', 'create', 'web');
    expect((await ctl('network', 'graph')).out).toMatchSnapshot();
    expect((await ctl('network', 'graph', '--format', 'dot')).out).toMatchSnapshot();
    expect((await ctl('network', 'graph', '--format', 'svg')).out).toMatchSnapshot();
  });
});

describe('network rm and prune', () => {
  test('never removes a hand-written file without --force', async () => {
    const { ctl, netDir } = fakeWorld();
    mkdirSync(netDir);
    const path = join(netDir, 'hand.conflist');
    writeFileSync(path, JSON.stringify({ name: 'hand', plugins: [{ type: 'loopback' }] }));
    const { code, err } = await ctl('network', 'rm', 'hand');
    expect(code).toBe(1);
    expect(err).toContain('was not written by flatnetctl');
    expect((await ctl('network', 'rm', '--force', 'hand')).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test('prune only lists without --force', async () => {
    const { ctl, netDir } = fakeWorld();
    await ctl('network', 'create', 'web');
    expect((await ctl('network', 'prune')).out).toBe('would remove web\n');
    expect(readdirSync(netDir)).toEqual(['web.conflist']);
  });
});

describe('the bridge of a removed network', () => {
  /** A host with these bridges, idle unless they have ports, and which were deleted. */
  function hostOf(bridges: Readonly<Record<string, readonly string[]>>) {
    const kernel = new FakeKernel();
    for (const [bridge, ports] of Object.entries(bridges)) {
      kernel.rtnetlink.add('', bridge, 'bridge');
      for (const port of ports) kernel.rtnetlink.add('', port, 'veth', { master: bridge });
    }
    const world = fakeWorld('/nonexistent', kernel);
    /** Without plugins: nothing but the bridge is looked at. */
    const write = (name: string, bridge?: string): void => {
      mkdirSync(world.netDir, { recursive: true });
      const plugins = [{ type: 'flatnet', ...(bridge === undefined ? {} : { bridge }) }];
      const list = { cniVersion: '1.0.0', flatnetctl: { created: '' }, name, plugins };
      writeFileSync(join(world.netDir, `${name}.conflist`), JSON.stringify(list));
    };
    const deleted = (): readonly string[] => Object.keys(bridges).filter((name) => !kernel.rtnetlink.find('', name));
    return { ...world, write, deleted };
  }
  const cni = (): string => {
    const { root } = fakeWorld();
    writeFileSync(join(root, 'flatnet'), '#!/bin/sh\ncat > /dev/null\n', { mode: 0o755 });
    return root;
  };

  test("goes when flatnet named it; somebody else's stays, and that is said", async () => {
    const { ctl, write, deleted } = hostOf({ docker0: [], virbr0: [], 'fl-web': [] });
    write('x', 'docker0');
    write('y', 'virbr0');
    write('web');
    const path = ['--cni-path', cni()];
    const dry = await ctl('network', 'rm', '--dry-run', 'x');
    expect(dry.out).not.toContain('remove bridge');
    expect(dry.err).toContain('bridge docker0 stays');
    const removed = await ctl('network', 'rm', 'x', ...path);
    expect(removed).toEqual({ code: 0, out: 'x\n', err: 'bridge docker0 stays: its name is not of flatnet\n' });
    expect((await ctl('network', 'prune', '--force', ...path)).err).toContain('bridge virbr0 stays');
    expect(deleted()).toEqual(['fl-web']);
  });

  test('stays while another network names it, and blocks nothing by ports of others', async () => {
    const { ctl, write, deleted } = hostOf({ 'fl-a': ['veth1'], br0: ['veth2'], br1: ['fl0123456789ab'] });
    write('a');
    write('b', 'fl-a');
    write('c', 'br0');
    write('d', 'br1');
    const path = ['--cni-path', cni()];
    expect((await ctl('network', 'rm', 'a', ...path)).err).toBe('bridge fl-a stays: network b uses it\n');
    expect((await ctl('network', 'rm', 'c', ...path)).code).toBe(0);
    expect((await ctl('network', 'rm', 'd', ...path)).err).toContain('still has ports: fl0123456789ab');
    expect(deleted()).toEqual([]);
  });
});

describe('GC and STATUS of a network that is older than they are', () => {
  test.each<[string, string, readonly string[], boolean]>([
    ['an old delegate is not asked', '1.0.0', ['0.4.0', '1.0.0'], false],
    ['a new one is', '1.0.0', ['1.0.0', '1.1.0'], true],
    ['whoever the conflist says is', '1.1.0', ['0.4.0', '1.0.0'], true],
  ])('%s', async (_, cniVersion, supportedVersions, asked) => {
    const { ctl, root, netDir } = fakeWorld();
    const note = join(root, 'calls');
    // Says with which configuration it was called; `host-local` refuses what came with 1.1.0, as the reference does.
    writeFileSync(join(root, 'flatnet'), `#!/bin/sh\n(echo "$CNI_COMMAND"; cat; echo) >> ${note}\n`, { mode: 0o755 });
    const answer = JSON.stringify({ cniVersion: '1.0.0', supportedVersions });
    writeFileSync(join(root, 'host-local'), `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
    mkdirSync(netDir);
    const plugins = [{ type: 'flatnet', mtu: 1400, ipam: { type: 'host-local', subnet: '10.77.0.0/24' } }];
    writeFileSync(join(netDir, 'hl.conflist'), JSON.stringify({ cniVersion, name: 'hl', plugins }));
    const readiness = JSON.parse((await ctl('doctor', '-o', 'json', '--cni-path', root)).out) as { check: string }[];
    expect(readiness).toContainEqual({ check: 'network hl', state: 'ok', reason: 'ready' });
    expect((await ctl('network', 'rm', '--force', 'hl', '--cni-path', root)).code).toBe(0);
    const calls = readFileSync(note, 'utf8');
    for (const verb of ['STATUS', 'GC']) {
      const [, input = ''] = new RegExp(`^${verb}\\n(.*)$`, 'm').exec(calls) ?? [];
      expect(JSON.parse(input)).toMatchObject({ cniVersion: '1.1.0', name: 'hl', type: 'flatnet', mtu: 1400 });
      expect('ipam' in JSON.parse(input)).toBe(asked);
    }
  });
});

describe('whose leases a network has', () => {
  const leasedBy = (type: string) =>
    decodeNetwork({ name: 'n', plugins: [{ type: 'bridge', ipam: { type } }] }, 'test');

  test.each<[string, string, boolean]>([
    ['flatnet-ipam', '', true],
    ['host-local', 'flatnet', true],
    ['host-local', 'the reference', false],
    ['host-local', '', false],
    ['dhcp', 'flatnet', false],
  ])('%s, where host-local is %j', (type, hostLocal, wanted) => {
    const { root } = fakeWorld();
    const [image, first, later] = ['opt', 'first', 'later'].map((name) => join(root, name)) as [string, string, string];
    for (const folder of [image, first, later]) mkdirSync(folder);
    writeFileSync(join(image, 'flatnet'), '', { mode: 0o755 });
    writeFileSync(join(later, 'host-local'), '', { mode: 0o755 });
    if (hostLocal === 'flatnet') symlinkSync(join(image, 'flatnet'), join(first, 'host-local'));
    if (hostLocal === 'the reference') symlinkSync(join(later, 'host-local'), join(first, 'host-local'));
    expect(isLeasedHere(leasedBy(type), [first, later])).toBe(wanted);
  });
});
