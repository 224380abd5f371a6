/** What a service tells systemd (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names. */
import type { Sys } from '@flatnet/sys';

/** linux/socket.h, linux/net.h */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MAX_PATH = 107;

/** Sends `state`, like `READY=1`. Without the variable nothing happens. @throws SysError. */
export function notifySystemd(sys: Sys, state: string, path: string | undefined = process.env['NOTIFY_SOCKET']): void {
  if (path === undefined || !/^[@/]/.test(path) || Buffer.byteLength(path) > MAX_PATH) return;
  const fd = sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    sys.connect(fd, addressOf(path));
    sys.send(fd, Buffer.from(state), 0);
  } finally {
    sys.close(fd);
  }
}

/** `struct sockaddr_un` of linux/un.h; `@` stands for the NUL of an abstract name. */
function addressOf(path: string): Uint8Array {
  const family = new Uint8Array(new Uint16Array([AF_UNIX]).buffer);
  return Buffer.concat([family, Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`)]);
}
