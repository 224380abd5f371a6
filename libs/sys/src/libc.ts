import { EINTR } from './errno.ts';
import { SysError } from './error.ts';
import { O_CLOEXEC, type Sys } from './sys.ts';

type Int = number;
type Pointer = Uint8Array;

/** What an adapter binds: the functions as C has them. Each returns -1 on failure, and then `errno` says why. */
export interface Libc {
  socket(domain: Int, type: Int, protocol: Int): Int;
  bind(fd: Int, address: Pointer, length: Int): Int;
  connect(fd: Int, address: Pointer, length: Int): Int;
  getsockname(fd: Int, address: Pointer, length: Pointer): Int;
  setsockopt(fd: Int, level: Int, name: Int, value: Pointer, length: Int): Int;
  getsockopt(fd: Int, level: Int, name: Int, value: Pointer, length: Pointer): Int;
  send(fd: Int, bytes: Pointer, length: Int, flags: Int): Int;
  recvfrom(fd: Int, into: Pointer, length: Int, flags: Int, from: Pointer, fromLength: Pointer): Int;
  setns(fd: Int, type: Int): Int;
  open(path: Pointer, flags: Int, mode: Int): Int;
  read(fd: Int, into: Pointer, length: Int): Int;
  write(fd: Int, bytes: Pointer, length: Int): Int;
  close(fd: Int): Int;
  flock(fd: Int, operation: Int): Int;
  /** errno of the call that was just made; nothing may come between. */
  errno(): Int;
}

/** Parameters of each function: i(nt), p(ointer), s(ize_t). All return an int, since no buffer here reaches 2 GiB. */
export const SIGNATURES: Readonly<Record<Exclude<keyof Libc, 'errno'>, string>> = {
  socket: 'iii',
  bind: 'ipi',
  connect: 'ipi',
  getsockname: 'ipp',
  setsockopt: 'iiipi',
  getsockopt: 'iiipp',
  send: 'ipsi',
  recvfrom: 'ipsipp',
  setns: 'ii',
  open: 'pii',
  read: 'ips',
  write: 'ips',
  close: 'i',
  flock: 'ii',
};

/** Names of libc's file, by which the loader finds it: glibc, then musl of this machine's architecture. */
export const libcNames = (arch: string): readonly string[] => [
  'libc.so.6',
  `libc.musl-${arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`,
];

/** `Sys` over a bound libc. */
export function sysOver(libc: Libc): Sys {
  /** socklen_t, in and out. One buffer serves all calls, which are synchronous. */
  const length = new Uint32Array(1);
  const lengthBytes = new Uint8Array(length.buffer);
  const paths = new TextEncoder();

  const checked = (result: number, call: string, object: string): number => {
    if (result < 0) throw new SysError(call, libc.errno(), object);
    return result;
  };
  const repeated = (call: string, object: string, make: () => number): number => {
    for (;;) {
      const result = make();
      if (result >= 0) return result;
      const errno = libc.errno();
      if (errno !== EINTR) throw new SysError(call, errno, object);
    }
  };
  const ofFd = (fd: number): string => `descriptor ${fd}`;

  return {
    socket: (domain, type, protocol) =>
      checked(libc.socket(domain, type, protocol), 'socket', `of family ${domain}, protocol ${protocol}`),
    bind: (fd, address) => void checked(libc.bind(fd, address, address.length), 'bind', ofFd(fd)),
    connect: (fd, address) => void checked(libc.connect(fd, address, address.length), 'connect', ofFd(fd)),
    getsockname(fd, address) {
      length[0] = address.length;
      checked(libc.getsockname(fd, address, lengthBytes), 'getsockname', ofFd(fd));
      return length[0];
    },
    setsockopt: (fd, level, name, value) =>
      void checked(libc.setsockopt(fd, level, name, value, value.length), 'setsockopt', `${level}/${name}`),
    getsockopt(fd, level, name, value) {
      length[0] = value.length;
      checked(libc.getsockopt(fd, level, name, value, lengthBytes), 'getsockopt', `${level}/${name}`);
      return length[0];
    },
    send: (fd, bytes, flags) => repeated('send', ofFd(fd), () => libc.send(fd, bytes, bytes.length, flags)),
    recvfrom: (fd, into, flags, from) =>
      repeated('recvfrom', ofFd(fd), () => {
        length[0] = from.length;
        return libc.recvfrom(fd, into, into.length, flags, from, lengthBytes);
      }),
    setns: (fd, type) => void checked(libc.setns(fd, type), 'setns', ofFd(fd)),
    open(path, flags) {
      // C would stop at the NUL and open another file.
      if (path.includes('\0')) throw new TypeError(`a path cannot hold a NUL byte: ${JSON.stringify(path)}`);
      const bytes = paths.encode(`${path}\0`);
      return repeated('open', path, () => libc.open(bytes, flags | O_CLOEXEC, 0));
    },
    read: (fd, into) => repeated('read', ofFd(fd), () => libc.read(fd, into, into.length)),
    write: (fd, bytes) => repeated('write', ofFd(fd), () => libc.write(fd, bytes, bytes.length)),
    close: (fd) => void checked(libc.close(fd), 'close', ofFd(fd)),
    flock: (fd, operation) => void checked(libc.flock(fd, operation), 'flock', ofFd(fd)),
  };
}
