import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBunSys } from '../src/bun.ts';
import { SysUnavailable } from '../src/index.ts';

const require = createRequire(import.meta.url);
const bun = require.resolve(`@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}/bin/bun`);
const addon = require.resolve(`@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`);

/** What the adapter for Bun does, as one line of JSON. Its argument is the path of koffi's addon, or empty. */
const PROGRAM = `
  import { openBunSys } from '../src/bun.ts';
  import { withNetns } from '../src/netns.ts';
  const path = process.argv[2];
  const attempt = (work) => { try { return work(); } catch (error) { return [error.name, error.call, error.code, error.message]; } };
  const sys = attempt(() => openBunSys(path ? { koffiAddon: path } : {}));
  if (Array.isArray(sys)) { console.log(JSON.stringify({ unavailable: sys })); process.exit(0); }
  const text = (bytes, length) => new TextDecoder().decode(bytes.subarray(0, length));
  const fd = sys.open('/proc/sys/kernel/ostype', 0);
  const into = new Uint8Array(64);
  const ostype = text(into, sys.read(fd, into)).trim();
  const end = sys.read(fd, into);
  sys.close(fd);
  const socket = sys.socket(16, 3 | 0o2000000, 0);
  sys.setsockopt(socket, 1, 20, new Uint8Array(new BigInt64Array([0n, 50_000n]).buffer));
  // RTM_GETLINK of lo, by index 1.
  const question = new Uint8Array(32);
  new DataView(question.buffer).setUint32(0, 32, true);
  new DataView(question.buffer).setUint16(4, 18, true);
  new DataView(question.buffer).setUint16(6, 1, true);
  new DataView(question.buffer).setInt32(20, 1, true);
  const sent = sys.send(socket, question, 0);
  const small = new Uint8Array(8), from = new Uint8Array(12);
  const length = sys.recvfrom(socket, small, 0x20, from);
  const family = from[0];
  const errors = [
    attempt(() => sys.recvfrom(socket, into, 0, from)),
    attempt(() => sys.open('/no/such/file', 0)),
    attempt(() => sys.close(socket + 1000)),
    attempt(() => sys.setns(socket, 0)),
  ].map((error) => error.slice(0, 3));
  const visit = attempt(() => withNetns(sys, '/proc/self/ns/net', () => { throw new TypeError('inside'); }));
  const back = withNetns(sys, '/proc/self/ns/net', () => 'back');
  console.log(JSON.stringify({ ostype, end, sent, isLonger: length > 100, family, errors, visit: visit[0], back }));
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(import.meta.dirname, '.program-'));
  const built = buildSync({
    stdin: { contents: PROGRAM, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    logLevel: 'error',
  });
  writeFileSync(join(folder, 'program.cjs'), built.outputFiles[0]?.text ?? '');
  writeFileSync(join(folder, 'forbid.cjs'), FORBID);
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Runs what its arguments say where no memory can be both written and executed, by the filter of system calls by which systemd sees to
 * MemoryDenyWriteExecute; children inherit it.
 */
const FORBID = `
  const koffi = require('koffi');
  const libc = koffi.load('libc.so.6');
  const [mmap, mprotect, pkeyMprotect] = process.arch === 'arm64' ? [222, 226, 288] : [9, 10, 329];
  const LD = 0x20, AND = 0x54, JEQ = 0x15, JSET = 0x45, RET = 0x06;
  const ALLOW = 0x7fff0000, EPERM = 0x00050001, WRITE_AND_EXEC = 6, EXEC = 4, NUMBER = 0, PROTECTION = 32;
  const filter = [
    [LD, 0, 0, NUMBER], [JEQ, 3, 0, mmap], [JEQ, 5, 0, mprotect], [JEQ, 4, 0, pkeyMprotect], [RET, 0, 0, ALLOW],
    [LD, 0, 0, PROTECTION], [AND, 0, 0, WRITE_AND_EXEC], [JEQ, 3, 2, WRITE_AND_EXEC],
    [LD, 0, 0, PROTECTION], [JSET, 1, 0, EXEC],
    [RET, 0, 0, ALLOW], [RET, 0, 0, EPERM],
  ];
  const code = Buffer.alloc(filter.length * 8);
  filter.forEach(([op, yes, no, value], at) => {
    code.writeUInt16LE(op, at * 8); code.writeUInt8(yes, at * 8 + 2); code.writeUInt8(no, at * 8 + 3); code.writeUInt32LE(value, at * 8 + 4);
  });
  koffi.struct('sock_fprog', { len: 'uint16', filter: 'uint8_t *' });
  const allow = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  const restrict = libc.func('prctl', 'int', ['int', 'unsigned long', 'sock_fprog *', 'unsigned long', 'unsigned long']);
  const PR_SET_NO_NEW_PRIVS = 38, PR_SET_SECCOMP = 22, SECCOMP_MODE_FILTER = 2;
  if (allow(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) throw new Error('no new privileges: ' + koffi.errno());
  if (restrict(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, { len: filter.length, filter: code }, 0, 0) !== 0) throw new Error('seccomp: ' + koffi.errno());
  const [, , file, ...args] = process.argv;
  const result = require('node:child_process').spawnSync(file, args, { stdio: 'inherit' });
  process.exit(result.status ?? 1);
`;

const answer = ({ status, stdout, stderr }: SpawnSyncReturns<string>): Record<string, unknown> => {
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
};
const program = (): string => join(folder, 'program.cjs');
const forbidden = (...args: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, ['--jitless', join(folder, 'forbid.cjs'), bun, program(), ...args], { encoding: 'utf8' });

const WORKS = {
  ostype: 'Linux',
  end: 0,
  sent: 32,
  isLonger: true,
  family: 16,
  errors: [
    ['SysError', 'recvfrom', 'EAGAIN'],
    ['SysError', 'open', 'ENOENT'],
    ['SysError', 'close', 'EBADF'],
    ['SysError', 'setns', 'EINVAL'],
  ],
  visit: 'TypeError',
  back: 'back',
};

it('calls libc under Bun by bun:ffi', () => {
  expect(answer(spawnSync(bun, [program(), ''], { encoding: 'utf8' }))).toEqual(WORKS);
});

it('names the setting where executable memory is forbidden', () => {
  const { unavailable } = answer(forbidden('')) as { unavailable: readonly string[] };
  expect(unavailable[0]).toBe('SysUnavailable');
  expect(unavailable[3]).toContain('MemoryDenyWriteExecute=no');
});

it("calls libc by koffi's addon there, where it is given one", () => {
  expect(answer(forbidden(addon))).toEqual(WORKS);
});

it('says so when the addon cannot be loaded either', () => {
  const { unavailable } = answer(forbidden('/etc/hostname')) as { unavailable: readonly string[] };
  expect(unavailable[3]).toContain('/etc/hostname');
});

it('cannot be opened under Node', () => {
  expect(() => openBunSys()).toThrow(SysUnavailable);
});
