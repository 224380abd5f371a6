import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench } from './plugin-process.ts';

const TIMEOUT = { timeout: 120_000 };

let bench: Bench;
beforeEach(() => {
  bench = new Bench({ ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]] });
});
afterEach(() => bench.remove());

const must = (file: string, ...args: string[]): void => {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
};

describe('the disk', () => {
  const mounted = (work: () => void): void => {
    mkdirSync(bench.dataDir, { mode: 0o700 });
    must('mount', '-t', 'tmpfs', '-o', 'size=128k,mode=0700', 'tmpfs', bench.dataDir);
    try {
      work();
    } finally {
      must('umount', bench.dataDir);
    }
  };

  test('full: ADD fails and leaves nothing, DEL works', TIMEOUT, () => {
    mounted(() => {
      expect(bench.run('ADD', { id: 'before' }).status).toBe(0);
      spawnSync('dd', ['if=/dev/zero', `of=${bench.dataDir}/fill`, 'bs=4k']);
      const refused = bench.run('ADD');
      expect(refused.status).toBe(1);
      expect(refused.json.code).toBe(5);
      expect(refused.json.details).toContain('ENOSPC');
      expect(bench.leases()).toEqual(['before:eth0']);
      expect(bench.run('DEL', { id: 'before' }).status).toBe(0);
      expect(bench.leases()).toEqual([]);
      rmSync(`${bench.dataDir}/fill`);
      expect(bench.run('ADD').status).toBe(0);
    });
  });

  test('read-only: ADD and DEL say so, STATUS is 50', TIMEOUT, () => {
    mounted(() => {
      expect(bench.run('ADD').status).toBe(0);
      must('mount', '-o', 'remount,ro', bench.dataDir);
      expect(bench.run('ADD', { id: 'other' }).json.code).toBe(5);
      expect(bench.run('DEL').json.code).toBe(5);
      expect(bench.run('STATUS').json.code).toBe(50);
      expect(bench.run('CHECK').status).toBe(0);
      must('mount', '-o', 'remount,rw', bench.dataDir);
      expect(bench.leases()).toEqual(['mine:eth0']);
    });
  });
});

describe('a store path that is not ours', () => {
  const elsewhere = () => join(bench.folder, 'elsewhere');
  test.each([
    ['a file', () => writeFileSync(bench.dataDir, 'precious')],
    [
      'a symlink',
      () => {
        mkdirSync(elsewhere(), { mode: 0o700 });
        symlinkSync(elsewhere(), bench.dataDir);
      },
    ],
    [
      'writable for all',
      () => {
        mkdirSync(bench.dataDir);
        chmodSync(bench.dataDir, 0o777);
      },
    ],
    [
      'of another user',
      () => {
        mkdirSync(bench.dataDir, { mode: 0o700 });
        must('chown', '65534', bench.dataDir);
      },
    ],
    [
      'a symlink below it',
      () => {
        mkdirSync(elsewhere(), { mode: 0o700 });
        mkdirSync(bench.dataDir, { mode: 0o700 });
        symlinkSync(elsewhere(), join(bench.dataDir, 'net'));
      },
    ],
  ])('%s: refused, nothing is followed or changed', TIMEOUT, (_name, prepare) => {
    prepare();
    for (const verb of ['ADD', 'DEL']) expect(bench.run(verb).json.code).toBe(7);
    expect(bench.run('STATUS').json.code).toBe(50);
    if (existsSync(elsewhere())) expect(readdirSync(elsewhere())).toEqual([]);
  });

  test('relative, with dots, or the root', TIMEOUT, () => {
    for (const dataDir of ['data', '/tmp/../etc', '/', '/tmp/./x', '//tmp']) {
      expect(bench.run('ADD', { ipam: { ...bench.ipam, dataDir } }).json.code).toBe(7);
    }
  });
});

describe('records that are none', () => {
  const garbage: readonly (readonly [string, (path: string) => void])[] = [
    ['empty', (path) => writeFileSync(path, '')],
    ['binary', (path) => writeFileSync(path, Buffer.from([0, 255, 254, 10, 0]))],
    ['wrong JSON', (path) => writeFileSync(path, '{"v":1,"ips":[7],"containerId":"x"}')],
    ['a FIFO', (path) => must('mkfifo', path)],
    ['a directory', (path) => mkdirSync(join(path, 'deep/er'), { recursive: true })],
    ['a symlink', (path) => symlinkSync('/etc/passwd', path)],
  ];

  test.each(garbage)('%s in place of a lease', TIMEOUT, (_name, make) => {
    bench.run('ADD', { id: 'other' });
    expect(bench.run('ADD').status).toBe(0);
    const record = join(bench.generation, 'at/mine:eth0/lease');
    rmSync(record);
    make(record);
    expect(bench.run('CHECK').json.code).toBe(102);
    expect(bench.run('DEL').status).toBe(0);
    expect(bench.run('GC').status).toBe(0);
    expect(bench.leases()).toEqual(['other:eth0']);
  });

  test.each(garbage)('%s as the attachment, as an address, as an intent', TIMEOUT, (_name, make) => {
    bench.run('ADD', { id: 'other' });
    for (const place of ['at/mine:eth0', 'ip/4-0a4d0003', 'tmp/nonsense']) make(join(bench.generation, place));
    expect(bench.run('ADD').status).toBe(0);
    expect(bench.run('DEL').status).toBe(0);
    expect(bench.run('GC').status).toBe(0);
    expect(bench.leases()).toEqual(['other:eth0']);
  });

  test('an address that is held by nobody is found when it is asked for', TIMEOUT, () => {
    bench.run('ADD', { id: 'other' });
    writeFileSync(join(bench.generation, 'ip/4-0a4d0032'), '');
    expect(bench.run('ADD', { args: 'IP=10.77.0.50' }).json.ips?.[0]?.address).toBe('10.77.0.50/24');
  });
});

describe('the lock of GC', () => {
  const dead = '999999.1.4026531836-4026531834';
  const all = { config: { 'cni.dev/valid-attachments': [] } };
  test.each([
    ['left empty', () => undefined],
    ['with a dead owner', (lock: string) => writeFileSync(join(lock, `o.${dead}`), '')],
    ['from the future', (lock: string) => utimesSync(lock, Date.now() / 1000 + 3600, Date.now() / 1000 + 3600)],
    ['from last year', (lock: string) => utimesSync(lock, 1, 1)],
  ])('%s is taken at once', TIMEOUT, (_name, prepare) => {
    bench.run('ADD');
    const lock = join(bench.generation, 'lock');
    mkdirSync(lock);
    prepare(lock);
    expect(bench.run('GC', all).status).toBe(0);
    expect(bench.leases()).toEqual([]);
    expect(existsSync(lock)).toBe(false);
  });
});

test('the leases of another boot are void, and purged', TIMEOUT, () => {
  bench.run('ADD', { args: 'IP=10.77.0.9' });
  const old = bench.generation.replace(/b-.*/, 'b-00000000-0000-0000-0000-000000000000');
  must('mv', bench.generation, old);
  expect(bench.run('ADD', { id: 'other', args: 'IP=10.77.0.9' }).status).toBe(0);
  expect(existsSync(old)).toBe(false);
  expect(bench.leases()).toEqual(['other:eth0']);
});

test('a main plugin that was dead before the start is seen by FLATNET_PPID', TIMEOUT, () => {
  const gone = spawn('true');
  const { pid } = gone;
  return new Promise<void>((resolve) => {
    gone.on('close', () => {
      const { json } = bench.run('ADD', { env: { FLATNET_PPID: String(pid) } });
      expect(json.code).toBe(11);
      expect(bench.leases()).toEqual([]);
      resolve();
    });
  });
});

test('a lease folder of host-local is taken over once', TIMEOUT, () => {
  const importFrom = join(bench.folder, 'networks/net');
  mkdirSync(importFrom, { recursive: true });
  writeFileSync(join(importFrom, '10.77.0.2'), 'old1\r\neth0');
  writeFileSync(join(importFrom, 'fd77::2'), 'old1\r\neth0');
  writeFileSync(join(importFrom, '10.77.0.3'), 'ancient');
  writeFileSync(join(importFrom, '10.77.0.4'), '');
  writeFileSync(join(importFrom, 'last_reserved_ip.0'), '10.77.0.3');
  const ipam = { ...bench.ipam, importFrom };
  expect(bench.run('ADD', { ipam }).json.ips?.[0]?.address).toBe('10.77.0.4/24');
  expect(bench.leases()).toEqual(['ancient:', 'mine:eth0', 'old1:eth0']);
  expect(bench.run('CHECK', { ipam, id: 'old1' }).status).toBe(0);
  for (const id of ['old1', 'ancient', 'mine']) expect(bench.run('DEL', { ipam, id }).status).toBe(0);
  expect(bench.run('ADD', { ipam, id: 'later' }).status).toBe(0);
  expect(bench.leases()).toEqual(['later:eth0']);
});
