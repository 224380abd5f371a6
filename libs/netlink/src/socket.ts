/**
 * A netlink socket: opened here or in a network namespace, and kept. The kernel does the work of a message inside of `send`, so an answer
 * is there as a rule when `send` returns; a limit of time is for the kernels and errors that are not foreseen.
 */
import {
  EAGAIN,
  EINVAL,
  ENOBUFS,
  ENOPROTOOPT,
  ETIMEDOUT,
  type Netns,
  type Sys,
  SysError,
  withNetns,
} from '@flatnet/sys';
import { NetlinkError } from './error.ts';
import { type Message, type Received, splitMessages } from './message.ts';
import { createWriter, LITTLE_ENDIAN, type Writer } from './writer.ts';

export interface Socket {
  readonly sys: Sys;
  readonly fd: number;
  readonly timeoutMs: number;
  /** The number of the last message. */
  sequence: number;
  buffer: Uint8Array;
  readonly writer: Writer;
  /** Where the sender's address is written: `struct sockaddr_nl` of linux/netlink.h. */
  readonly sender: Uint8Array;
}

export interface SocketOptions {
  /** In which network namespace; the thread's own when absent. */
  readonly netns?: Netns;
  /** How long an answer may take, in milliseconds; 5,000 when absent. */
  readonly timeoutMs?: number;
}

/** linux/netlink.h */
export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** linux/socket.h, asm-generic/socket.h, linux/net.h */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const MSG_PEEK = 0x2;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

const DEFAULT_TIMEOUT_MS = 5_000;
/** For answers to one question; it grows to what comes. */
const BUFFER = 4_096;
/** The kernel cuts a list into datagrams of the size that the reader offers, up to this. */
const LIST_BUFFER = 32_768;

/** @throws SysError; that of a namespace is `open` or `setns`. */
export function openSocket(sys: Sys, protocol: number, options: SocketOptions = {}): Socket {
  const open = (): number => sys.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  const fd = options.netns === undefined ? open() : withNetns(sys, options.netns, open);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  try {
    sys.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval(timeoutMs));
    enable(sys, fd, NETLINK_CAP_ACK);
    enable(sys, fd, NETLINK_EXT_ACK);
    if (protocol === NETLINK_ROUTE) enable(sys, fd, NETLINK_GET_STRICT_CHK);
  } catch (error) {
    sys.close(fd);
    throw error;
  }
  return {
    sys,
    fd,
    timeoutMs,
    sequence: 0,
    buffer: new Uint8Array(BUFFER),
    writer: createWriter(),
    sender: new Uint8Array(12),
  };
}

/**
 * Closes the socket. After a transaction of nf_tables that deleted something this waits until no processor uses what was deleted, for some
 * milliseconds.
 */
export function closeSocket(socket: Socket): void {
  socket.sys.close(socket.fd);
}

/** `struct timeval` with 64-bit fields. Zero would mean no limit, so the least is a millisecond. */
function timeval(ms: number): Uint8Array {
  if (!(ms >= 1)) throw new RangeError(`a limit of ${ms} ms: at least one is needed`);
  const view = new DataView(new ArrayBuffer(16));
  view.setBigInt64(0, BigInt(Math.floor(ms / 1000)), LITTLE_ENDIAN);
  view.setBigInt64(8, BigInt(Math.floor((ms % 1000) * 1000)), LITTLE_ENDIAN);
  return new Uint8Array(view.buffer);
}

const ONE = new Uint8Array(new Uint32Array([1]).buffer);

/** Sets an option of netlink; what an older kernel does not have changes no result, only what errors say and how much is filtered. */
function enable(sys: Sys, fd: number, option: number): void {
  try {
    sys.setsockopt(fd, SOL_NETLINK, option, ONE);
  } catch (error) {
    if (!(error instanceof SysError) || (error.errno !== ENOPROTOOPT && error.errno !== EINVAL)) throw error;
  }
}

/** The number for one more message. */
export function nextSequence(socket: Socket): number {
  socket.sequence = (socket.sequence + 1) >>> 0;
  return socket.sequence;
}

/** Makes room for the parts of a list. */
export function expectList(socket: Socket): void {
  if (socket.buffer.length < LIST_BUFFER) socket.buffer = new Uint8Array(LIST_BUFFER);
}

/** Sends one datagram of one or many messages. @throws SysError: EMSGSIZE when it is larger than the socket's send buffer. */
export function send(socket: Socket, bytes: Uint8Array): void {
  socket.sys.send(socket.fd, bytes, 0);
}

/**
 * The messages of the next datagram from the kernel. They share the socket's buffer: what is kept must be copied before the next call.
 *
 * @param message what is waited for, for errors.
 * @param wait false: returns undefined at once when nothing has come.
 * @throws NetlinkError: ETIMEDOUT, ENOBUFS (answers were lost). WireError.
 */
export function receive(socket: Socket, message: Message, wait: false): readonly Received[] | undefined;
export function receive(socket: Socket, message: Message): readonly Received[];
export function receive(socket: Socket, message: Message, wait = true): readonly Received[] | undefined {
  const flags = wait ? 0 : MSG_DONTWAIT;
  for (;;) {
    const length = receiveSize(socket, message, flags, wait);
    if (length === undefined) return undefined;
    if (length > socket.buffer.length) socket.buffer = new Uint8Array(length);
    const { sys, fd, buffer, sender } = socket;
    const got = sys.recvfrom(fd, buffer, MSG_TRUNC, sender);
    // A process with CAP_NET_ADMIN in the container can send to our port, too: the kernel alone has port 0.
    const port = new DataView(sender.buffer).getUint32(4, LITTLE_ENDIAN);
    if (port === 0) return splitMessages(buffer.subarray(0, Math.min(got, buffer.length)));
  }
}

function receiveSize(socket: Socket, message: Message, flags: number, wait: boolean): number | undefined {
  try {
    return socket.sys.recvfrom(socket.fd, socket.buffer, MSG_PEEK | MSG_TRUNC | flags, socket.sender);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.errno === ENOBUFS) {
      throw new NetlinkError(message.name, ENOBUFS, { reason: 'answers were lost: more came than the socket holds' });
    }
    if (error.errno !== EAGAIN) throw error;
    if (!wait) return undefined;
    throw new NetlinkError(message.name, ETIMEDOUT, { reason: `the kernel did not answer in ${socket.timeoutMs} ms` });
  }
}
