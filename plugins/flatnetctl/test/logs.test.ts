import { writeFileSync } from 'node:fs';
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
