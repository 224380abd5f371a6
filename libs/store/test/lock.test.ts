import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock, type LockWait } from '@flatnet/store/lock';
import type { Processes } from '@flatnet/store/testing';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/flatnet-lock-`);
  path = `${folder}/lock`;
});
afterEach(() => rmSync(folder, { recursive: true }));

const dead = new Set<string>();
const waitOf = (self: string, timeoutMs = 10_000): LockWait => ({
  path,
  timeoutMs,
  processes: {
    ...{ bootId: 'boot', self, uptime: () => 0 },
    stateOf: (owner) => (dead.has(owner) ? 'dead' : 'alive'),
  } satisfies Processes,
});

/** A holder that ends when it is told to. */
const holdAs = async (self: string): Promise<() => Promise<void>> => {
  let end = (): void => undefined;
  let begun = (): void => undefined;
  const isHeld = new Promise<void>((resolve) => (begun = resolve));
  const ended = withLock(waitOf(self), () => {
    begun();
    return new Promise<void>((resolve) => (end = resolve));
  });
  await isHeld;
  return async () => {
    end();
    await ended;
  };
};

test('a holder that did not wait and one that waits exclude each other, and each leaves nothing', async () => {
  const endFirst = await holdAs('1.1.1-1');
  expect(readdirSync(path)).toEqual(['o.1.1.1-1']);
  let isInside = false;
  const second = withLock(waitOf('2.1.1-1'), () => {
    isInside = true;
    expect(readdirSync(path)).toEqual(['o.2.1.1-1']);
  });
  await expect(withLock(waitOf('3.1.1-1', 0), () => undefined)).rejects.toMatchObject({ kind: 'busy' });
  expect(isInside).toBe(false);
  await endFirst();
  await second;
  expect(isInside).toBe(true);
  expect(readdirSync(folder)).toEqual([]);
});

test('a holder that waited keeps out one that would not have to wait', async () => {
  const endFirst = await holdAs('1.1.1-1');
  const second = holdAs('2.1.1-1');
  await endFirst();
  const endSecond = await second;
  await expect(withLock(waitOf('3.1.1-1', 0), () => undefined)).rejects.toMatchObject({ kind: 'busy' });
  await endSecond();
  expect(existsSync(path)).toBe(false);
});

test.each(['a dead owner', 'no owner', 'a file in its place'])('%s: the lock is free', async (left) => {
  dead.add('9.9.9-9');
  if (left === 'a file in its place') writeFileSync(path, '');
  else mkdirSync(path);
  if (left === 'a dead owner') writeFileSync(`${path}/o.9.9.9-9`, '');
  expect(await withLock(waitOf('1.1.1-1', 0), () => readdirSync(path))).toEqual(['o.1.1.1-1']);
  expect(readdirSync(folder)).toEqual([]);
});

test('twenty at once: one after the other', async () => {
  let inside = 0;
  const work = async (): Promise<void> => {
    expect(++inside).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, (_, index) => withLock(waitOf(`${index + 1}.1.1-1`), work)));
  expect(readdirSync(folder)).toEqual([]);
});

test('an error is no lock: it comes at once, and the work is not done', async () => {
  const wait = { ...waitOf('1.1.1-1'), path: `${folder}/none/lock` };
  await expect(withLock(wait, () => expect.unreachable())).rejects.toMatchObject({ code: 'ENOENT' });
});
