/** Asks a server for one name, over UDP (RFC 1035), in this process: a module for it would cost more than the whole question. */
import { parseIp } from '@flatnet/addressing';
import { O_CLOEXEC, SysError, type Sys } from '@flatnet/sys';

/** linux/socket.h, asm-generic/socket.h, linux/time_types.h */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;

const HEADER = 12;
const QUESTION_IN = 1;
const TYPES = { A: 1, AAAA: 28 } as const;
const QR_RD = 0x8100;
const RCODE = 0x000f;

export type RecordType = keyof typeof TYPES;

export interface Answer {
  /** 0 found, 3 no such name, 5 refused. */
  readonly rcode: number;
  /** Addresses of the type that was asked for. */
  readonly addresses: readonly string[];
}

/**
 * Nothing in time; nothing listens; and what the kernel says where the server's bridge is gone or down, or a firewall or a route of the
 * host forbids the question (connect(2), send(2), ip-route(8): blackhole, prohibit).
 */
const NO_ANSWER: ReadonlySet<string> = new Set([
  ...['EAGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ENODEV'],
  ...['EPERM', 'EACCES', 'EINVAL'],
]);

/** Undefined where no answer comes. @throws SysError. */
export function ask(
  sys: Sys,
  server: { readonly address: string; readonly port: number },
  name: string,
  type: RecordType,
  timeoutMs: number,
): Answer | undefined {
  const fd = sys.socket(server.address.includes(':') ? AF_INET6 : AF_INET, SOCK_DGRAM | O_CLOEXEC, 0);
  try {
    sys.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval(timeoutMs));
    sys.connect(fd, socketAddress(server));
    const id = Math.floor(Math.random() * 0x10000);
    sys.send(fd, question(id, name, type), 0);
    const into = new Uint8Array(4096);
    const from = new Uint8Array(28);
    for (;;) {
      const length = sys.recvfrom(fd, into, 0, from);
      const answer = readAnswer(into.subarray(0, length), id, type);
      if (answer !== undefined) return answer;
    }
  } catch (error) {
    if (error instanceof SysError && NO_ANSWER.has(error.code)) return undefined;
    throw error;
  } finally {
    sys.close(fd);
  }
}

function timeval(ms: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigInt64(0, BigInt(Math.floor(ms / 1000)), true);
  view.setBigInt64(8, BigInt((ms % 1000) * 1000), true);
  return new Uint8Array(view.buffer);
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress({ address, port }: { readonly address: string; readonly port: number }): Uint8Array {
  const { family, value } = parseIp(address);
  const view = new DataView(new ArrayBuffer(family === 4 ? 16 : 28));
  view.setUint16(0, family === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  const [at, size] = family === 4 ? [4, 4] : [8, 16];
  for (let byte = 0; byte < size; byte += 1)
    view.setUint8(at + byte, Number((value >> BigInt(8 * (size - 1 - byte))) & 0xffn));
  return new Uint8Array(view.buffer);
}

/** @param name plain text in ASCII. */
export function question(id: number, name: string, type: RecordType): Uint8Array {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1'));
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  const tail = Buffer.from([0, 0, TYPES[type], 0, QUESTION_IN]);
  return Buffer.concat([head, ...labels.flatMap((label) => [Buffer.from([label.length]), label]), tail]);
}

/** Undefined for what is no answer to the question with this id. */
export function readAnswer(message: Uint8Array, id: number, type: RecordType): Answer | undefined {
  if (message.length < HEADER) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== id || (flags & QR_RD) !== QR_RD) return undefined;
  try {
    return { rcode: flags & RCODE, addresses: addressesIn(message, view, TYPES[type]) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws RangeError of a message that ends too early. */
function addressesIn(message: Uint8Array, view: DataView, type: number): readonly string[] {
  let at = HEADER;
  for (let questions = view.getUint16(4); questions > 0; questions -= 1) at = afterName(view, at) + 4;
  const found: string[] = [];
  for (let answers = view.getUint16(6); answers > 0; answers -= 1) {
    at = afterName(view, at);
    const length = view.getUint16(at + 8);
    const data = at + 10;
    if (view.getUint16(at) === type) found.push(addressOf(message.subarray(data, data + length), type));
    at = data + length;
  }
  return found;
}

/** A name ends with an empty label, or with a pointer to the rest of one. */
function afterName(view: DataView, from: number): number {
  let at = from;
  for (let length = view.getUint8(at); length !== 0; length = view.getUint8(at)) {
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
  return at + 1;
}

/** @throws RangeError of a record that is cut. */
function addressOf(bytes: Uint8Array, type: number): string {
  const size = type === TYPES.A ? 4 : 16;
  if (bytes.length !== size) throw new RangeError(`an address of ${bytes.length} bytes`);
  if (type === TYPES.A) return bytes.join('.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  return String(parseIp(Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(':')));
}
