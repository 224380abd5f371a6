import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { backendOf, pluginDirsOf } from '@flatnet/driver/runtime-config';
import { describe, expect, test } from 'vitest';
import { dropInFinding } from '../src/doctor/installed.ts';
import { dropInDirectory } from '../src/install/drop-in.ts';
import { defaultPluginDir, placesOf } from '../src/places.ts';
import { fakeWorld } from './fake-world.ts';

describe('where plugins go, and where runtimes find them', () => {
  function told(conf: string) {
    const { root } = fakeWorld();
    writeFileSync(join(root, 'containers.conf'), conf);
    return { CONTAINERS_CONF: join(root, 'containers.conf') };
  }

  test('by default in the directory that Podman searches last: a drop-in goes where the names are', () => {
    const env = told('');
    const { cniPath } = placesOf({}, env);
    expect(cniPath.at(-1)).toBe('/opt/cni/bin');
    expect(defaultPluginDir({}, env)).toBe('/opt/cni/bin');
    const { root } = fakeWorld();
    const [none, packaged, pluginDir] = ['none', 'packaged', 'opt'].map((name) => join(root, name)) as [
      ...[string, string, string],
    ];
    for (const folder of [packaged, pluginDir]) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'bridge'), '', { mode: 0o755 });
    }
    expect(dropInDirectory([none, packaged, pluginDir], pluginDir)).toBe(packaged);
    expect(dropInDirectory([pluginDir, packaged], pluginDir)).toBe(pluginDir);
  });

  test('where containers.conf or the command line says', () => {
    expect(defaultPluginDir({}, told('cni_plugin_dirs = ["/a", "/b"]'))).toBe('/a');
    expect(defaultPluginDir({}, told('cni_plugin_dirs = ["/a", "/opt/cni/bin"]'))).toBe('/opt/cni/bin');
    expect(defaultPluginDir({ cniPath: '/c:' }, told(''))).toBe('/c');
  });

  test('never in a relative one', async () => {
    const { ctl } = fakeWorld();
    const { code, err } = await ctl('install', '--dry-run', '--cni-path', './plugins');
    expect(code).toBe(2);
    expect(err).toMatch(/--cni-path: ".\/plugins" is not an absolute path\nNext: {2}give \//);
  });

  test('doctor warns of a drop-in that runtimes pass by', () => {
    const { root } = fakeWorld();
    const [first, later] = ['first', 'later'].map((name) => join(root, name)) as [string, string];
    for (const folder of [first, later]) mkdirSync(folder);
    writeFileSync(join(later, 'flatnet'), '', { mode: 0o755 });
    symlinkSync('flatnet', join(later, 'bridge'));
    expect(dropInFinding(join(later, 'bridge'), [first, later])).toMatchObject({ state: 'ok' });
    writeFileSync(join(first, 'bridge'), 'the reference', { mode: 0o755 });
    expect(dropInFinding(join(later, 'bridge'), [first, later])).toMatchObject({
      state: 'warning',
      reason: `runtimes find ${join(first, 'bridge')} before ${join(later, 'bridge')}, which is flatnet`,
    });
  });
});

test('the plugin directories of a containers.conf, over several lines and with comments', () => {
  const text = '[network]\ncni_plugin_dirs = [\n  "/a", # "/no"\n  \'/b\',\n]\n#cni_plugin_dirs = ["/c"]\n';
  expect(pluginDirsOf(text)).toEqual([['/a', '/b']]);
});

test('the backend of a containers.conf', () => {
  expect(backendOf('[network]\n# network_backend = "netavark"\nnetwork_backend = "cni"\n')).toEqual(['cni']);
});
