import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backendOf } from '../src/install/podman-backend.ts';
import { fakeWorld } from './fake-world.ts';

function setUp() {
  const world = fakeWorld();
  const [from, pluginDir, binDir, stateDir] = ['dist', 'opt', 'bin', 'state'].map((name) => join(world.root, name)) as [
    ...string[],
  ] as [string, string, string, string];
  mkdirSync(from);
  writeFileSync(join(from, 'flatnet'), 'image 1');
  chmodSync(join(from, 'flatnet'), 0o755);
  const where = ['--plugin-dir', pluginDir, '--bin-dir', binDir, '--state-dir', stateDir];
  return {
    ...{ ...world, from, pluginDir, binDir },
    install: (...args: string[]) => world.ctl('install', '--from', from, ...where, ...args),
    uninstall: (...args: string[]) => world.ctl('uninstall', '--state-dir', stateDir, ...args),
  };
}

const NAMES = ['flatnet', 'flatnet-ipam', 'flatnet-portmap'];

test('install puts one image under all names, again too, and uninstall removes exactly that', async () => {
  const { install, uninstall, pluginDir, binDir, from } = setUp();
  expect((await install()).code).toBe(0);
  expect(new Set(NAMES.map((name) => statSync(join(pluginDir, name)).ino)).size).toBe(1);
  expect(readlinkSync(join(binDir, 'flatnetctl'))).toBe(join(pluginDir, 'flatnet'));
  writeFileSync(join(from, 'flatnet'), 'image 2');
  expect((await install()).code).toBe(0);
  expect(readFileSync(join(pluginDir, 'flatnet-ipam'), 'utf8')).toBe('image 2');
  writeFileSync(join(pluginDir, 'bridge'), 'of somebody else');
  expect((await uninstall()).out.split('\n').filter((line) => line.startsWith('removed'))).toHaveLength(4);
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
  const { rmSync } = await import('node:fs');
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

test('the backend of a containers.conf', () => {
  expect(backendOf('[network]\n# network_backend = "netavark"\nnetwork_backend = "cni"\n')).toEqual(['cni']);
});
