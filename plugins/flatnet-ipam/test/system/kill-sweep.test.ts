import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Bench, type Call } from './plugin-process.ts';

// The real executable is really killed, before every system call that changes the store, in ADD, DEL and GC; then DEL and ADD must find
// the store right. strace delivers the signal before the call runs, and counts calls per name and thread.

const CHANGES = [
  'mkdir',
  'mkdirat',
  'link',
  'linkat',
  'rename',
  'renameat',
  'renameat2',
  'unlink',
  'unlinkat',
  'rmdir',
  'utimensat',
];
const CONTENT = ['openat', 'write', 'pwrite64'];

interface Point {
  readonly syscall: string;
  readonly when: number;
}

const DUAL = { ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]], cooldown: 1 };

const mine = { id: 'mine' };
const others = { config: { 'cni.dev/valid-attachments': [{ containerID: 'other', ifname: 'eth0' }] } };

let bench: Bench;
beforeAll(() => {
  bench = new Bench(DUAL);
  bench.run('ADD', { id: 'other' });
});
afterAll(() => bench.remove());
// A test that failed half way must not fail the next.
beforeEach(() => void bench.run('GC', others));

/** The changing calls of one clean run: those that name the store, and the write that follows its opening of a file there. */
const pointsOf = (verb: string, call: Call): Point[] => {
  const trace = join(bench.folder, 'trace');
  const names = [...CHANGES, ...CONTENT].map((name) => `?${name}`).join(',');
  const { status } = bench.run(verb, { ...call, under: ['strace', '-f', '-qq', '-o', trace, '-e', `trace=${names}`] });
  expect(status).toBe(0);
  const counts = new Map<string, number>();
  const points: Point[] = [];
  let lastOpenedInStore = false;
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    const [, thread = '', syscall = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (syscall === '') continue;
    const when = (counts.get(`${thread} ${syscall}`) ?? 0) + 1;
    counts.set(`${thread} ${syscall}`, when);
    const isInStore = line.includes(bench.dataDir);
    if (syscall === 'openat') lastOpenedInStore = isInStore && line.includes('O_CREAT');
    const isContent = (syscall === 'write' || syscall === 'pwrite64') && lastOpenedInStore;
    if ((CHANGES.includes(syscall) && isInStore) || lastOpenedInStore || isContent) points.push({ syscall, when });
    if (syscall !== 'openat') lastOpenedInStore = false;
  }
  return points;
};

const killAt = ({ syscall, when }: Point): string[] => {
  return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `inject=${syscall}:signal=SIGKILL:when=${when}`];
};

test('ADD', { timeout: 120_000 }, () => {
  const points = pointsOf('ADD', mine);
  bench.run('DEL', mine);
  expect(points.length).toBeGreaterThanOrEqual(7);
  let killed = 0;
  for (const point of points) {
    if (bench.run('ADD', { ...mine, under: killAt(point) }).signal === 'SIGKILL') killed++;
    expect(bench.run('ADD', { id: 'next' }).status).toBe(0);
    expect(bench.run('DEL', mine).status).toBe(0);
    expect(bench.run('DEL', { id: 'next' }).status).toBe(0);
    expect(bench.leases()).toEqual(['other:eth0']);
  }
  expect(killed).toBeGreaterThanOrEqual(points.length - 2);
});

test('DEL', { timeout: 120_000 }, () => {
  bench.run('ADD', mine);
  const points = pointsOf('DEL', mine);
  expect(points.length).toBeGreaterThanOrEqual(5);
  for (const point of points) {
    bench.run('ADD', mine);
    bench.run('DEL', { ...mine, under: killAt(point) });
    expect(bench.run('DEL', mine).status).toBe(0);
    expect(bench.leases()).toEqual(['other:eth0']);
  }
});

test('GC', { timeout: 120_000 }, () => {
  bench.run('ADD', mine);
  const points = pointsOf('GC', others);
  expect(points.length).toBeGreaterThanOrEqual(5);
  for (const point of points) {
    bench.run('ADD', mine);
    bench.run('GC', { ...others, under: killAt(point) });
    expect(bench.run('GC', others).status).toBe(0);
    expect(bench.leases()).toEqual(['other:eth0']);
    expect(bench.names('.').filter((name) => name.startsWith('lock'))).toEqual([]);
  }
});
