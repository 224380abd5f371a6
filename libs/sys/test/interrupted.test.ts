import { expect, it } from 'vitest';
import { EINTR, ENOBUFS, SysError } from '../src/index.ts';
import { type Libc, sysOver } from '../src/libc.ts';

/** A libc whose calls fail with these numbers, one after another, and then succeed with 7. */
function failing(...errnos: readonly number[]): { libc: Libc; calls: string[] } {
  const left = [...errnos];
  const calls: string[] = [];
  let errno = 0;
  const call = (name: string) => (): number => {
    calls.push(name);
    const next = left.shift();
    if (next === undefined) return 7;
    errno = next;
    return -1;
  };
  const names = [
    'socket',
    'bind',
    'getsockname',
    'setsockopt',
    'send',
    'recvfrom',
    'setns',
    'open',
    'read',
    'write',
    'close',
  ];
  const libc = {
    ...Object.fromEntries(names.map((name) => [name, call(name)])),
    errno: () => errno,
  } as unknown as Libc;
  return { libc, calls };
}

const bytes = new Uint8Array(4);

it.each(['send', 'recvfrom', 'open', 'read', 'write'] as const)('repeats %s when a signal interrupts it', (name) => {
  const { libc, calls } = failing(EINTR, EINTR);
  const sys = sysOver(libc);
  const result = {
    send: () => sys.send(3, bytes, 0),
    recvfrom: () => sys.recvfrom(3, bytes, 0, bytes),
    open: () => sys.open('/x', 0),
    read: () => sys.read(3, bytes),
    write: () => sys.write(3, bytes),
  }[name]();
  expect(result).toBe(7);
  expect(calls).toEqual([name, name, name]);
});

it('never repeats close: Linux has closed the descriptor, and its number may be of another file by now', () => {
  const { libc, calls } = failing(EINTR);
  expect(() => sysOver(libc).close(3)).toThrow(SysError);
  expect(calls).toEqual(['close']);
});

it('passes on what is not an interruption', () => {
  const { libc, calls } = failing(EINTR, ENOBUFS);
  expect(() => sysOver(libc).recvfrom(3, bytes, 0, bytes)).toThrow(
    expect.objectContaining({ call: 'recvfrom', errno: ENOBUFS }) as Error,
  );
  expect(calls).toHaveLength(2);
});
