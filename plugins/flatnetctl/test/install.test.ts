import { FakeKernel } from '@flatnet/kernel/testing';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { PLUGIN_NAMES } from '../src/install/install.ts';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fakeWorld } from './fake-world.ts';

function setUp(kernel?: FakeKernel) {
  const world = fakeWorld('/nonexistent', kernel);
  const [from, pluginDir, binDir, stateDir] = ['dist', 'opt', 'bin', 'state'].map((name) => join(world.root, name)) as [
    ...string[],
  ] as [string, string, string, string];
  mkdirSync(from);
  writeFileSync(join(from, 'flatnet'), 'image 1');
  chmodSync(join(from, 'flatnet'), 0o755);
  const where = [
    '--plugin-dir',
    pluginDir,
    '--bin-dir',
    binDir,
    '--state-dir',
    stateDir,
    '--driver-dir',
    join(world.root, 'netavark'),
  ];
  return {
    ...{ ...world, from, pluginDir, binDir },
    install: (...args: string[]) => world.ctl('install', '--from', from, ...where, ...args),
    uninstall: (...args: string[]) => world.ctl('uninstall', '--state-dir', stateDir, ...args),
  };
}

const NAMES = [...PLUGIN_NAMES].sort();

test.each([0, 1, 2, 3])('an upgrade that fails at file %i leaves the older version whole', async (index) => {
  const { install, uninstall, pluginDir, binDir, from, root } = setUp();
  await install();
  const before = NAMES.map((name) => statSync(join(pluginDir, name)).ino);
  writeFileSync(join(from, 'flatnet'), 'image 2');
  const paths = [
    ...NAMES.map((name) => join(pluginDir, name)),
    join(binDir, 'flatnetctl'),
    join(root, 'netavark/flatnet'),
  ];
  // A folder cannot be replaced by the new file.
  const obstacle = `${paths[index]}.${process.pid}.new`;
  mkdirSync(obstacle);
  expect((await install()).code).toBe(3);
  rmSync(obstacle, { recursive: true });
  expect(NAMES.map((name) => statSync(join(pluginDir, name)).ino)).toEqual(before);
  expect(readdirSync(pluginDir).sort()).toEqual(NAMES);
  expect(readdirSync(binDir).sort()).toEqual(['flatnetctl', 'flatnetd']);
  expect((await uninstall()).code).toBe(0);
  expect([...readdirSync(pluginDir), ...readdirSync(binDir)]).toEqual([]);
});

test('install puts one image under all names, again too, and uninstall removes exactly that', async () => {
  const { install, uninstall, pluginDir, binDir, from, root } = setUp();
  expect((await install()).code).toBe(0);
  expect(new Set(NAMES.map((name) => statSync(join(pluginDir, name)).ino)).size).toBe(1);
  expect(readlinkSync(join(binDir, 'flatnetctl'))).toBe(join(pluginDir, 'flatnet'));
  expect(readlinkSync(join(root, 'netavark/flatnet'))).toBe(join(pluginDir, 'flatnet'));
  writeFileSync(join(from, 'flatnet'), 'image 2');
  expect((await install()).code).toBe(0);
  expect(readFileSync(join(pluginDir, 'flatnet-ipam'), 'utf8')).toBe('image 2');
  writeFileSync(join(pluginDir, 'bridge'), 'of somebody else');
  expect((await uninstall()).out.split('\n').filter((line) => line.startsWith('removed'))).toHaveLength(
    NAMES.length + 3,
  );
  expect(NAMES.some((name) => existsSync(join(pluginDir, name)))).toBe(false);
  expect(existsSync(join(pluginDir, 'bridge'))).toBe(true);
});

test('a file of somebody else is not replaced without --force', async () => {
  const { install, pluginDir } = setUp();
  mkdirSync(pluginDir);
  writeFileSync(join(pluginDir, 'flatnet-ipam'), 'precious');
  const { code, err } = await install();
  expect(code).toBe(1);
  expect(err).toContain('was not installed by flatnetctl');
  expect(readFileSync(join(pluginDir, 'flatnet-ipam'), 'utf8')).toBe('precious');
  expect((await install('--force')).code).toBe(0);
});

test('a file that was changed since is kept and named', async () => {
  const { install, uninstall, pluginDir, binDir } = setUp();
  await install();
  const path = join(pluginDir, 'flatnet-ipam');
  // A new file under the name: the other two are links of the old one.
  const { code } = await install('--dry-run');
  expect(code).toBe(0);
  rmSync(path);
  writeFileSync(path, 'patched by hand');
  const outcome = await uninstall();
  expect(outcome.code).toBe(1);
  expect(outcome.err).toContain(path);
  expect(readFileSync(path, 'utf8')).toBe('patched by hand');
  expect(existsSync(join(binDir, 'flatnetctl'))).toBe(false);
});

test('--dry-run changes nothing', async () => {
  const { install, pluginDir } = setUp();
  expect((await install('--dry-run')).out).toContain('would install');
  expect(existsSync(pluginDir)).toBe(false);
});

describe('uninstall is refused while a container has an interface of flatnet', () => {
  /** A record of a living container: its namespace is this process's own. */
  function record(cacheDir: string, name: string, config: object): void {
    mkdirSync(join(cacheDir, 'results'), { recursive: true });
    const cached = {
      ...{ kind: 'cniCacheV1', containerId: 'c1', ifName: 'eth0', networkName: name, netns: '/proc/self/ns/net' },
      ...{ config: Buffer.from(JSON.stringify(config)).toString('base64'), result: { cniVersion: '1.0.0' } },
    };
    writeFileSync(join(cacheDir, `results/${name}-c1-eth0`), JSON.stringify(cached));
  }

  test("also when the network's file is gone", async () => {
    const { install, uninstall, cacheDir, pluginDir } = setUp();
    await install();
    record(cacheDir, 'others', { name: 'others', plugins: [{ type: 'macvlan' }] });
    record(cacheDir, 'gone', { name: 'gone', plugins: [{ type: 'bridge', ipam: { type: 'flatnet-ipam' } }] });
    const { code, err } = await uninstall();
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringMatching(/: c1 on gone\nNext: /) as string });
    expect(existsSync(join(pluginDir, 'flatnet'))).toBe(true);
    expect((await uninstall('--force')).code).toBe(0);
  });

  test('also when only its host end tells', async () => {
    const kernel = new FakeKernel();
    kernel.rtnetlink.add('', 'fl0123456789ab', 'veth', { alias: 'flatnet:web:c2:eth0' });
    kernel.rtnetlink.add('', 'flba9876543210', 'veth', { alias: 'flatnet:=0123456789ab:0123:eth0' });
    kernel.rtnetlink.add('', 'veth1', 'veth', { alias: 'of another program' });
    const { install, uninstall } = setUp(kernel);
    await install();
    expect((await uninstall()).err).toMatch(/: c2 on web, the one of flba9876543210\n/);
  });
});

describe('--drop-in', () => {
  function withReference() {
    const parts = setUp();
    const reference = join(parts.root, 'reference');
    mkdirSync(reference);
    for (const name of ['bridge', 'host-local', 'firewall']) {
      writeFileSync(join(reference, name), `the reference ${name}`);
      chmodSync(join(reference, name), 0o755);
    }
    const dropIn = (...args: string[]) => parts.install('--drop-in', '--cni-path', reference, ...args);
    const read = (name: string): string => readFileSync(join(reference, name), 'utf8');
    return { ...parts, reference, dropIn, read };
  }

  test('asks first, and without a terminal changes nothing', async () => {
    const { dropIn, pluginDir, read } = withReference();
    const { code, err } = await dropIn();
    expect(code).toBe(2);
    expect(err).toMatch(/Next: {2}flatnetctl install --drop-in --yes/);
    expect(existsSync(pluginDir)).toBe(false);
    expect(read('bridge')).toBe('the reference bridge');
  });

  test('takes the names where runtimes find them, keeps the files, and uninstall puts them back', async () => {
    const { dropIn, uninstall, reference, pluginDir, read } = withReference();
    const before = statSync(join(reference, 'bridge'));
    const { code, out } = await dropIn('--yes');
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining('host-local.before-flatnet') as string,
    });
    for (const name of ['bridge', 'host-local', 'portmap'])
      expect(readlinkSync(join(reference, name))).toBe(join(pluginDir, 'flatnet'));
    expect(read('bridge.before-flatnet')).toBe('the reference bridge');
    // Again changes nothing: the link is not taken for the reference plugin.
    expect((await dropIn('--yes')).code).toBe(0);
    expect(read('bridge.before-flatnet')).toBe('the reference bridge');
    const undone = await uninstall();
    expect(undone.out).toContain(`restored ${join(reference, 'bridge')}`);
    expect(readdirSync(reference).sort()).toEqual(['bridge', 'firewall', 'host-local']);
    expect(statSync(join(reference, 'bridge'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  test('a newer reference plugin, put there by a package upgrade, is what comes back', async () => {
    const { dropIn, uninstall, reference, read } = withReference();
    await dropIn('--yes');
    rmSync(join(reference, 'bridge'));
    writeFileSync(join(reference, 'bridge'), 'a newer reference bridge');
    expect((await dropIn('--yes')).code).toBe(0);
    expect((await uninstall()).code).toBe(0);
    expect(read('bridge')).toBe('a newer reference bridge');
  });

  test('and stays when it is still there: the older one goes', async () => {
    const { dropIn, uninstall, reference, read, root } = withReference();
    await dropIn('--yes');
    const path = join(reference, 'bridge');
    rmSync(path);
    writeFileSync(path, 'a newer reference bridge');
    const words = `${path}, a newer one than flatnetctl replaced`;
    expect(await uninstall('--dry-run')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`would leave ${words}`) as string,
    });
    expect(read('bridge.before-flatnet')).toBe('the reference bridge');
    expect(await uninstall()).toMatchObject({ code: 0, out: expect.stringContaining(`left ${words}`) as string });
    expect(readdirSync(reference).sort()).toEqual(['bridge', 'firewall', 'host-local']);
    expect(read('bridge')).toBe('a newer reference bridge');
    expect(existsSync(join(root, 'state/installed.json'))).toBe(false);
  });

  test('a link that somebody made in its place is looked at, and nothing is lost', async () => {
    const { dropIn, uninstall, reference, read } = withReference();
    await dropIn('--yes');
    rmSync(join(reference, 'bridge'));
    symlinkSync('firewall', join(reference, 'bridge'));
    const { code, err } = await uninstall();
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('Next:  look at them') as string });
    expect(read('bridge.before-flatnet')).toBe('the reference bridge');
  });

  test('a crash before the link was made loses nothing', async () => {
    const { dropIn, uninstall, reference, read } = withReference();
    await dropIn('--yes');
    // As it is between keeping the old file and renaming the link onto it.
    rmSync(join(reference, 'bridge'));
    writeFileSync(join(reference, 'bridge'), 'the reference bridge');
    expect((await uninstall()).code).toBe(0);
    expect(readdirSync(reference).sort()).toEqual(['bridge', 'firewall', 'host-local']);
    expect(read('bridge')).toBe('the reference bridge');
  });

  test('a failure half way takes back what was new', async () => {
    const { dropIn, reference, pluginDir, binDir, read } = withReference();
    // No file can be made in a file.
    writeFileSync(binDir, 'not a directory');
    const { code, err } = await dropIn('--yes');
    expect(code).toBe(3);
    expect(err).toMatch(/\nNext: {2}\S/);
    expect(read('bridge')).toBe('the reference bridge');
    expect(readdirSync(reference).sort()).toEqual(['bridge', 'firewall', 'host-local']);
    expect(readdirSync(pluginDir)).toEqual([]);
  });

  test('is refused while a container uses a reference plugin', async () => {
    const { dropIn, netDir, cacheDir, reference, read } = withReference();
    const plugins = [{ type: 'bridge', ipam: { type: 'host-local', subnet: '10.9.0.0/24' } }];
    const config = JSON.stringify({ cniVersion: '1.0.0', name: 'old', plugins });
    mkdirSync(netDir);
    writeFileSync(join(netDir, 'old.conflist'), config);
    mkdirSync(join(cacheDir, 'results'), { recursive: true });
    const cached = {
      ...{ kind: 'cniCacheV1', containerId: 'c1', ifName: 'eth0', networkName: 'old', netns: '/proc/self/ns/net' },
      ...{ config: Buffer.from(config).toString('base64'), result: { cniVersion: '1.0.0' } },
    };
    writeFileSync(join(cacheDir, 'results/old-c1-eth0'), JSON.stringify(cached));
    const { code, err } = await dropIn('--yes');
    expect(code).toBe(1);
    expect(err).toContain('c1 on old');
    expect(readdirSync(reference).sort()).toEqual(['bridge', 'firewall', 'host-local']);
    expect(read('bridge')).toBe('the reference bridge');
    expect((await dropIn('--yes', '--force')).code).toBe(0);
  });
});

test('a damaged record is said, not taken for an empty one', async () => {
  const { install, uninstall, root, pluginDir } = setUp();
  await install();
  writeFileSync(join(root, 'state/installed.json'), '{"files": [{"pa');
  expect((await uninstall()).err).toContain('is damaged');
  expect(existsSync(join(pluginDir, 'flatnet'))).toBe(true);
});
