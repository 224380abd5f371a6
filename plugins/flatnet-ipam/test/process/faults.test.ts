import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, BUNDLE, EXECUTABLE, must, TIMEOUT } from './plugin-process.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench({ ranges: [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]] });
});
afterEach(() => bench.remove(), 120_000);

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

const all = { config: { 'cni.dev/valid-attachments': [] } };
const dead = '999999.1.4026531836-4026531834';
/** A process of a pid namespace that cannot be seen from here. */
const foreign = '7.1.1-1';
const ELEVEN_MINUTES = 11 * 60;
const setAge = (path: string, seconds: number): void => {
  const when = Date.now() / 1000 - seconds;
  utimesSync(path, when, when);
};

describe.each([
  ['the executable', [EXECUTABLE]],
  ['the bundle under Node', BUNDLE],
])('the lock of GC, %s', (_name, program) => {
  test.each([
    ['left empty', () => undefined],
    ['with a dead owner', (lock: string) => writeFileSync(join(lock, `o.${dead}`), '')],
    ['from the future', (lock: string) => setAge(lock, -3600)],
    ['from last year', (lock: string) => setAge(lock, 365 * 86_400)],
    ['a file', (lock: string) => (rmSync(lock, { recursive: true }), writeFileSync(lock, ''))],
    [
      'of another pid namespace, eleven minutes old',
      (lock: string) => {
        writeFileSync(join(lock, `o.${foreign}`), '');
        setAge(join(lock, `o.${foreign}`), ELEVEN_MINUTES);
      },
    ],
  ])('%s: taken at once, and given back', TIMEOUT, (_case, prepare) => {
    bench.add('mine');
    const lock = join(bench.generation, 'lock');
    mkdirSync(lock);
    prepare(lock);
    expect(bench.run('GC', { ...all, program })).toMatchObject({ status: 0, json: {} });
    expect(bench.leases()).toEqual([]);
    expect(existsSync(lock)).toBe(false);
  });

  test('held by a living process: GC says so, ADD and DEL do not care', TIMEOUT, () => {
    bench.add('mine');
    mkdirSync(join(bench.generation, 'lock'));
    writeFileSync(join(bench.generation, 'lock', `o.${foreign}`), '');
    expect(bench.run('GC', { ...all, program }).json).toMatchObject({ code: 11 });
    bench.add('other', { program });
    for (const id of ['mine', 'other']) expect(bench.run('DEL', { id, program }).status).toBe(0);
    expect(bench.leases()).toEqual([]);
  });
});

describe('another pid namespace', () => {
  test('calls there and here share one store', TIMEOUT, () => {
    const under = ['unshare', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
    const there = bench.add('there', { under });
    expect(bench.add('here')).not.toBe(there);
    expect(bench.run('ADD', { id: 'there' }).json.ips?.[0]?.address).toBe(`${there}/24`);
    expect(bench.run('DEL', { id: 'there' }).status).toBe(0);
    expect(bench.run('DEL', { id: 'here', under }).status).toBe(0);
    expect(bench.leases()).toEqual([]);
  });

  test('work that was begun there is left alone, however old the lease is', TIMEOUT, () => {
    bench.add('mine');
    setAge(join(bench.generation, 'at/mine:eth0'), ELEVEN_MINUTES);
    const token = join(bench.generation, 'tmp', `${foreign}~0`);
    must('mv', join(bench.generation, 'at/mine:eth0'), token);
    bench.add('other');
    expect(existsSync(token)).toBe(true);
    expect(bench.run('ADD', { id: 'wants', args: 'IP=10.77.0.2' }).json).toMatchObject({ code: 100 });
    expect(existsSync(token)).toBe(true);
  });
});

test('the clock is set back by a day: leases, the dead and cooling addresses are told as before', TIMEOUT, () => {
  const ipam = { subnet: '10.77.0.0/29', cooldown: 3600 };
  bench.add('cooled', { ipam, args: 'IP=10.77.0.2' });
  expect(bench.run('DEL', { id: 'cooled', ipam }).status).toBe(0);
  bench.add('mine', { ipam, args: 'IP=10.77.0.3' });
  bench.add('died', { ipam, args: 'IP=10.77.0.4' });
  must('mv', join(bench.generation, 'at/died:eth0'), join(bench.generation, 'tmp', `${dead}~0`));
  // What the files look like from a clock that is a day behind.
  for (const path of ['at/mine:eth0', 'at/mine:eth0/lease', `tmp/${dead}~0`])
    setAge(join(bench.generation, path), -86_400);
  expect(bench.add('mine', { ipam })).toBe('10.77.0.3');
  expect(bench.add('next', { ipam, args: 'IP=10.77.0.4' })).toBe('10.77.0.4');
  const rest = ['a', 'b'].map((id) => bench.add(id, { ipam }));
  expect(rest.sort()).toEqual(['10.77.0.5', '10.77.0.6']);
  expect(bench.run('ADD', { id: 'late', ipam }).json.code).toBe(11);
});

test('STATUS puts the use of each range set into the log line, also when it refuses', TIMEOUT, () => {
  const ipam = { ranges: [[{ subnet: '10.77.0.0/29' }], [{ subnet: 'fd77::/64' }]] };
  for (const id of ['a', 'b', 'c', 'd']) bench.add(id, { ipam });
  expect(bench.run('STATUS', { ipam }).status).toBe(0);
  expect(bench.logged()).toMatchObject({ note: '80 % of 10.77.0.0/29 used, 0 % of fd77::/64 used' });
  bench.add('e', { ipam });
  expect(bench.run('STATUS', { ipam }).json).toMatchObject({
    code: 50,
    details: expect.stringContaining('100 % of 10.77.0.0/29'),
  });
  expect(bench.logged()).toMatchObject({ note: '100 % of 10.77.0.0/29 used, 0 % of fd77::/64 used' });
});

test('the leases of another boot are void, and purged', TIMEOUT, () => {
  bench.run('ADD', { args: 'IP=10.77.0.9' });
  const old = bench.generation.replace(/b-.*/, 'b-00000000-0000-0000-0000-000000000000');
  must('mv', bench.generation, old);
  expect(bench.run('ADD', { id: 'other', args: 'IP=10.77.0.9' }).status).toBe(0);
  expect(existsSync(old)).toBe(false);
  expect(bench.leases()).toEqual(['other:eth0']);
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
