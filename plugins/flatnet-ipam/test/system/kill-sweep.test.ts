import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { Bench, TIMEOUT, type Call } from '../process/plugin-process.ts';

// The executable is really killed, before each system call of a clean run that changes a file; then DEL and ADD must find the store
// right. strace delivers the signal before the call is made. It counts calls per name and thread, so the trace of each kill is
// read: what was killed has to be the call that was meant.

const CALLS =
  'mkdir mkdirat link linkat rename renameat renameat2 unlink unlinkat rmdir utimensat openat write pwrite64';
const OPENS_TO_READ = /^openat\(.*O_RDONLY/;

const bench = new Bench({
  ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]],
  stickyBy: 'name',
  cooldown: 1,
  importFrom: '/nonexistent',
});
const hostLocal = join(bench.folder, 'host-local');
afterAll(() => bench.remove(), 120_000);

const mine: Call = { id: 'mine', args: 'K8S_POD_NAME=web' };
const others: Call = { config: { 'cni.dev/valid-attachments': [{ containerID: 'other', ifname: 'eth0' }] } };
const importing: Call = { ...mine, ipam: { ...bench.ipam, importFrom: hostLocal } };

beforeEach(() => {
  rmSync(bench.dataDir, { recursive: true, force: true });
  bench.add('other');
}, 120_000);

interface Point {
  readonly syscall: string;
  readonly when: number;
  /** The call and the files it names, without what differs from run to run. */
  readonly meaning: string;
}

const traceFile = join(bench.folder, 'trace');
const traced = (inject: readonly string[]): string[] => {
  const names = CALLS.split(' ').map((name) => `?${name}`);
  return ['strace', '-f', '-qq', '-y', '-o', traceFile, '-e', `trace=${names.join(',')}`, ...inject];
};

/** The calls that change a file under the bench's folder, in the order of the trace. The log is not part of the store. */
const readTrace = (): Point[] => {
  const counts = new Map<string, number>();
  return readFileSync(traceFile, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, thread = '', call = '', syscall = ''] = /^(\d+) +((\w+)\(.*)/.exec(line) ?? [];
      if (syscall === '') return [];
      const when = (counts.get(`${thread} ${syscall}`) ?? 0) + 1;
      counts.set(`${thread} ${syscall}`, when);
      const files = [...call.matchAll(/["<](\/[^">]*)/g)].map(([, path = '']) => path);
      const named = files.filter((path) => path.startsWith(bench.dataDir) || path.startsWith(hostLocal));
      if (named.length === 0 || OPENS_TO_READ.test(call)) return [];
      // A call that succeeded names the file that it opened once more.
      const meaning = [...new Set(named)].map((path) => path.replace(/\d+\.\d+\.\d+-\d+~/, 'self~')).join(' -> ');
      return [{ syscall, when, meaning: `${syscall} ${meaning}` }];
    });
};

/**
 * Runs the verb and has it killed at `point`: until what was killed is the call that is meant. The runtime opens files of its own
 * (/proc/self/statm), at one time more of them than at another, so the count is corrected by each run that went wrong.
 */
const killAt = (point: Point, prepare: () => void, verb: string, call: Call): void => {
  let { when } = point;
  for (let tries = 0; tries < 40; tries++) {
    prepare();
    const under = traced(['-e', `inject=${point.syscall}:signal=SIGKILL:when=${when}`]);
    const { signal } = bench.run(verb, { ...call, under });
    const trace = readTrace();
    if (signal === 'SIGKILL' && trace.at(-1)?.meaning === point.meaning) return;
    // Where it was in this run; if this run did not come so far, it was killed too early.
    when = trace.find(({ meaning }) => meaning === point.meaning)?.when ?? when + 1;
  }
  throw new Error(`could not be killed at ${point.meaning}`);
};

let slowest = 0;
const nextAdd = (call: Call = {}): void => {
  const begin = performance.now();
  bench.add('next', call);
  slowest = Math.max(slowest, performance.now() - begin);
};
afterAll(() =>
  process.stdout.write(`the slowest ADD after a kill took ${Math.round(slowest)} ms, its start included\n`),
);

const sweep = (verb: string, call: Call, prepare: () => void, check: () => void, atLeast: number): void => {
  prepare();
  expect(bench.run(verb, { ...call, under: traced([]) }).status).toBe(0);
  const points = readTrace();
  expect(points.length).toBeGreaterThanOrEqual(atLeast);
  for (const point of points) {
    killAt(point, prepare, verb, call);
    try {
      check();
    } catch (error) {
      throw new Error(`after a kill at ${point.meaning}`, { cause: error });
    }
  }
};

const delMine = (): void => expect(bench.run('DEL', mine).status).toBe(0);
/** The next ADD of another gets an address that nobody has; DEL of both leaves the lease of a third alone. */
const nothingIsLeft = (): void => {
  nextAdd();
  bench.leases();
  delMine();
  expect(bench.run('DEL', { id: 'next' }).status).toBe(0);
  expect(bench.leases()).toEqual(['other:eth0']);
};
const attached = (): void => void bench.add('mine', mine);

test('ADD', TIMEOUT, () => {
  sweep('ADD', mine, delMine, nothingIsLeft, 12);
});

test('DEL', TIMEOUT, () => {
  sweep('DEL', mine, attached, nothingIsLeft, 5);
});

test('GC', TIMEOUT, () => {
  const check = (): void => {
    nextAdd();
    expect(bench.run('GC', others).status).toBe(0);
    expect(bench.leases()).toEqual(['other:eth0']);
    expect(bench.names('.').filter((name) => name.startsWith('lock'))).toEqual([]);
  };
  sweep('GC', others, attached, check, 8);
});

test('STATUS', TIMEOUT, () => {
  sweep('STATUS', {}, () => undefined, nothingIsLeft, 5);
});

test('the first ADD of a network, which takes over leases of host-local', TIMEOUT, () => {
  const prepare = (): void => {
    for (const folder of [bench.dataDir, hostLocal]) rmSync(folder, { recursive: true, force: true });
    mkdirSync(hostLocal);
    for (const ip of ['10.77.0.2', 'fd77::2']) writeFileSync(join(hostLocal, ip), 'running\r\neth0');
  };
  const check = (): void => {
    nextAdd({ ipam: importing.ipam! });
    expect(bench.run('CHECK', { ...importing, id: 'running' }).status).toBe(0);
    delMine();
    expect(bench.leases()).toEqual(['next:eth0', 'running:eth0']);
  };
  sweep('ADD', importing, prepare, check, 25);
});
