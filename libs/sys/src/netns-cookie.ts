import { ENOPROTOOPT } from './errno.ts';
import { SysError } from './error.ts';
import { SO_NETNS_COOKIE, SOL_SOCKET, type Sys } from './sys.ts';

/** linux/socket.h, linux/net.h */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;

/**
 * A number of this thread's network namespace that no other one has until the next boot: inode numbers of deleted namespaces are used again.
 *
 * @returns undefined: the kernel has none (before Linux 5.14). @throws SysError.
 */
export function netnsCookie(sys: Sys): bigint | undefined {
  const fd = sys.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  try {
    const value = new BigUint64Array(1);
    sys.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, new Uint8Array(value.buffer));
    return value[0];
  } catch (error) {
    if (error instanceof SysError && error.errno === ENOPROTOOPT) return undefined;
    throw error;
  } finally {
    sys.close(fd);
  }
}
