/**
 * The few calls of libc that a program needs to talk to the kernel. Descriptors and flags are plain integers, memory is a Uint8Array, and
 * each call throws `SysError` where C returns -1. All calls are synchronous and act on the calling thread.
 */
export interface Sys {
  /** socket(2). `SOCK_CLOEXEC` is the caller's to set. */
  socket(domain: number, type: number, protocol: number): number;
  /** bind(2) to a `struct sockaddr_*` as it stands in memory. */
  bind(fd: number, address: Uint8Array): void;
  /** connect(2) of a datagram socket: where it sends to, and the one place that it receives from. */
  connect(fd: number, address: Uint8Array): void;
  /** getsockname(2) into `address`; returns the length of what is there. */
  getsockname(fd: number, address: Uint8Array): number;
  /** setsockopt(2) with the option's value as it stands in memory. */
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): void;
  /** getsockopt(2) into `value`; returns the length of what is there. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** send(2); repeated on EINTR. Returns the number of bytes. */
  send(fd: number, bytes: Uint8Array, flags: number): number;
  /**
   * recvfrom(2); repeated on EINTR. With MSG_TRUNC the result may exceed the size of `into`. The sender's address is written to `from`.
   */
  recvfrom(fd: number, into: Uint8Array, flags: number, from: Uint8Array): number;
  /** setns(2): moves the calling thread, and it alone. Use `withNetns`. */
  setns(fd: number, type: number): void;
  /** open(2), with O_CLOEXEC always; repeated on EINTR. */
  open(path: string, flags: number): number;
  /** read(2); repeated on EINTR. 0 is the end of the file. */
  read(fd: number, into: Uint8Array): number;
  /** write(2); repeated on EINTR. It may write less than asked. */
  write(fd: number, bytes: Uint8Array): number;
  /** close(2). Never repeated: Linux has closed the descriptor even when it answers EINTR. */
  close(fd: number): void;
  /** flock(2); use LOCK_NB, since a call that waits stops this process. EAGAIN: another has the lock. */
  flock(fd: number, operation: number): void;
}

/** asm-generic/fcntl.h */
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CLOEXEC = 0o2000000;
/** asm-generic/fcntl.h: the kernel gives the lock back when the descriptor's last copy is closed, at the latest when its process ends. */
export const LOCK_EX = 2;
export const LOCK_NB = 4;
/** asm-generic/socket.h; the cookie since Linux 5.14 */
export const SOL_SOCKET = 1;
export const SO_NETNS_COOKIE = 71;
/** linux/sched.h */
export const CLONE_NEWNET = 0x40000000;
