import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LogFollower } from '../src/follow-log.ts';

test('is followed over its rotation, and a torn line waits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'follow-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const early = new LogFollower(path);
  writeFileSync(path, 'a\n');
  expect(early.poll()).toEqual(['a']);
  const log = new LogFollower(path);
  expect(log.poll()).toEqual([]);
  appendFileSync(path, 'b\n{"to');
  expect(log.poll()).toEqual(['b']);
  appendFileSync(path, 'rn"\n');
  expect(log.poll()).toEqual(['{"torn"']);
  renameSync(path, `${path}.1`);
  expect(log.poll()).toEqual([]);
  writeFileSync(path, 'd\n');
  expect(log.poll()).toEqual(['d']);
});
