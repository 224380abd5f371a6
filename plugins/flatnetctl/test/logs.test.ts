import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeWorld } from './fake-world.ts';

const line = (extra: object): string =>
  JSON.stringify({
    time: 'T',
    plugin: 'flatnet',
    verb: 'ADD',
    network: 'web',
    containerId: 'abc',
    ifName: 'eth0',
    outcome: 'ok',
    ms: 3,
    ...extra,
  });

test('filters by container, verb and outcome; torn lines and control characters do no harm', async () => {
  const { ctl, root } = fakeWorld();
  const file = join(root, 'log');
  writeFileSync(`${file}.1`, `${line({ verb: 'DEL' })}\n`);
  const failed = line({ outcome: 'error', code: 100, msg: 'taken\u001b[2J', details: 'by def' });
  writeFileSync(file, `{"torn":\n${failed}\n${line({ containerId: 'xyz' })}\n`);
  expect((await ctl('logs', '--file', file)).out.split('\n')).toHaveLength(4);
  expect((await ctl('logs', '--file', file, '--container', 'ab', '--errors')).out).toBe(
    'T flatnet         ADD    web abc eth0 3 ms error 100 taken\\x1b[2J: by def\n',
  );
  expect((await ctl('logs', '--file', file, '--verb', 'DEL', '-o', 'json')).out).toBe(`${line({ verb: 'DEL' })}\n`);
  expect((await ctl('logs', '--file', file, '--verb', 'NOPE')).code).toBe(2);
});

test('a container is found by its name, a verb in small letters, and what nobody knows is a problem', async () => {
  const { ctl, root, cacheDir } = fakeWorld();
  const file = join(root, 'log');
  writeFileSync(file, `${line({})}\n${line({ containerId: 'xyz' })}\n`);
  mkdirSync(join(cacheDir, 'results'), { recursive: true });
  const cached = { kind: 'cniCacheV1', containerId: 'xyz', ifName: 'eth0', networkName: 'web' };
  writeFileSync(
    join(cacheDir, 'results/web-xyz-eth0'),
    JSON.stringify({ ...cached, cniArgs: [['K8S_POD_NAME', 'shop']], result: { cniVersion: '1.0.0' } }),
  );
  expect((await ctl('logs', '--file', file, '--container', 'shop', '--verb', 'add')).out).toMatch(/^T .* xyz .*ok\n$/);
  expect(await ctl('logs', '--file', file, '--network', 'web', '--errors')).toMatchObject({ code: 0, out: '' });
  for (const option of [
    ['--container', 'nobody'],
    ['--network', 'nowhere'],
  ]) {
    expect(await ctl('logs', '--file', file, ...option)).toMatchObject({ code: 1, out: '' });
  }
});
