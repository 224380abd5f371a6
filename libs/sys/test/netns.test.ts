import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENOENT, EINVAL, O_RDONLY, type Sys, withNetns } from '../src/index.ts';
import { openNodeSys } from '../src/node.ts';

const sys = openNodeSys();
const name = `sys-${process.pid}`;
const path = `/run/netns/${name}`;
const where = (): string => readlinkSync('/proc/thread-self/ns/net');

beforeAll(() => expect(spawnSync('ip', ['netns', 'add', name]).status).toBe(0));
afterAll(() => void spawnSync('ip', ['netns', 'delete', name]));

describe('withNetns', () => {
  const inode = (): string => `net:[${statSync(path).ino}]`;

  it('visits a namespace by path and by descriptor, and comes home', () => {
    const home = where();
    expect(withNetns(sys, path, where)).toBe(inode());
    const fd = sys.open(path, O_RDONLY);
    expect(withNetns(sys, fd, where)).toBe(inode());
    sys.close(fd);
    expect(where()).toBe(home);
    expect(inode()).not.toBe(home);
  });

  it('comes home when the work throws, and passes the error on', () => {
    const home = where();
    const error = new Error('inside');
    expect(() =>
      withNetns(sys, path, () => {
        expect(where()).toBe(inode());
        throw error;
      }),
    ).toThrow(error);
    expect(where()).toBe(home);
  });

  it('stays at home when there is no such namespace, or when the file is another thing', () => {
    const home = where();
    const visit = (what: string) => () => withNetns(sys, what, () => expect.unreachable());
    expect(visit('/run/netns/no-such')).toThrow(expect.objectContaining({ call: 'open', errno: ENOENT }) as Error);
    expect(visit('/etc/hostname')).toThrow(expect.objectContaining({ call: 'setns', errno: EINVAL }) as Error);
    expect(where()).toBe(home);
  });

  it('leaves no descriptor open', () => {
    // Other test files of this process open descriptors of their own.
    const open = (): number => descriptors().filter((target) => /^net:|hostname$/.test(target)).length;
    const before = open();
    for (let i = 0; i < 20; i += 1) withNetns(sys, path, () => undefined);
    for (let i = 0; i < 20; i += 1) expect(() => withNetns(sys, '/etc/hostname', () => undefined)).toThrow();
    expect(open()).toBe(before);
  });

  it('shows the settings of the namespace in /proc/sys/net', () => {
    expect(spawnSync('ip', ['netns', 'exec', name, 'sysctl', '-qw', 'net.ipv4.ip_default_ttl=99']).status).toBe(0);
    const ttl = (): string => readFileSync('/proc/sys/net/ipv4/ip_default_ttl', 'utf8').trim();
    expect(withNetns(sys, path, ttl)).toBe('99');
    expect(ttl()).not.toBe('99');
  });

  it('refuses asynchronous work, by its type and when it runs', () => {
    const home = where();
    // @ts-expect-error a promise is no result of a visit
    expect(() => withNetns(sys, path, async () => where())).toThrow(TypeError);
    expect(where()).toBe(home);
  });

  it('calls die when it cannot come home', () => {
    let calls = 0;
    const lost: Sys = {
      ...sys,
      setns: (fd, type) => {
        calls += 1;
        if (calls === 2) throw new Error('no way home');
        sys.setns(fd, type);
      },
    };
    const home = sys.open('/proc/thread-self/ns/net', O_RDONLY);
    try {
      expect(() =>
        withNetns(
          lost,
          path,
          () => 'done',
          (_sys, cause) => {
            throw new Error('died', { cause });
          },
        ),
      ).toThrow('died');
      expect(where()).toBe(inode());
    } finally {
      sys.setns(home, 0);
      sys.close(home);
    }
  });
});

/** Where the descriptors of this process lead. */
const descriptors = (): readonly string[] =>
  spawnSync('sh', ['-c', `readlink /proc/${process.pid}/fd/*`], { encoding: 'utf8' }).stdout.split('\n');
