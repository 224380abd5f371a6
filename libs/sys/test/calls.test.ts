import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EBADF, ENOENT, O_RDONLY, O_WRONLY, SysError, errnoName } from '../src/index.ts';
import { openNodeSys } from '../src/node.ts';

const sys = openNodeSys();
const AF_NETLINK = 16;
const SOCK_RAW = 3;

const failure = (work: () => unknown): SysError => {
  try {
    work();
  } catch (error) {
    if (error instanceof SysError) return error;
    throw error;
  }
  throw new Error('it did not fail');
};

it('reads and writes files, and answers the end of a file with 0', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flatnet-sys-'));
  try {
    const file = join(folder, 'value');
    const O_CREAT = 0o100;
    const out = sys.open(file, O_WRONLY | O_CREAT);
    expect(sys.write(out, new TextEncoder().encode('eth0'))).toBe(4);
    // A part of a larger buffer goes by its own offset.
    expect(sys.write(out, new TextEncoder().encode('..1..').subarray(2, 3))).toBe(1);
    sys.close(out);
    chmodSync(file, 0o600);
    expect(readFileSync(file, 'utf8')).toBe('eth01');
  } finally {
    rmSync(folder, { recursive: true });
  }
  const own = sys.open(import.meta.filename, O_RDONLY);
  const into = new Uint8Array(1 << 16);
  const length = sys.read(own, into);
  expect(new TextDecoder().decode(into.subarray(0, length))).toBe(readFileSync(import.meta.filename, 'utf8'));
  expect(sys.read(own, into)).toBe(0);
  sys.close(own);
});

it('says which call failed on which object, by number and by name', () => {
  expect(failure(() => sys.open('/no/such/file', O_RDONLY))).toMatchObject({
    call: 'open',
    errno: ENOENT,
    code: 'ENOENT',
    object: '/no/such/file',
    message: 'open /no/such/file: ENOENT',
  });
  expect(failure(() => sys.close(9999))).toMatchObject({ call: 'close', errno: EBADF, code: 'EBADF' });
});

it('refuses a path with a NUL byte, at which C would stop reading', () => {
  expect(() => sys.open('/etc/passwd\0.json', O_RDONLY)).toThrow(TypeError);
});

it('opens descriptors that a child does not inherit', () => {
  const fd = sys.open('/dev/null', O_RDONLY);
  const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  sys.close(fd);
  expect(Number.parseInt(flags ?? '', 8) & 0o2000000).not.toBe(0);
});

it('binds a netlink socket and answers its address', () => {
  const fd = sys.socket(AF_NETLINK, SOCK_RAW, 0);
  const address = new Uint8Array(12);
  address[0] = AF_NETLINK;
  sys.bind(fd, address);
  const bound = new Uint8Array(12);
  expect(sys.getsockname(fd, bound)).toBe(12);
  expect(new DataView(bound.buffer).getUint32(4, true)).not.toBe(0);
  sys.close(fd);
});

it('names numbers that it does not know by the number', () => {
  expect([errnoName(2), errnoName(4000)]).toEqual(['ENOENT', 'E4000']);
});
