/** Messages as values, their header, and the kernel's answers to them. Constants: linux/netlink.h. */
import { type Refusal, WireError } from './error.ts';
import { i32, readAttributes, optional, text, u16, u32 } from './reader.ts';
import { align, LITTLE_ENDIAN, reserve, type Writer } from './writer.ts';

/** A message to the kernel; its bytes are made when it is sent. */
export interface Message {
  /** The kernel's name of it, for errors: `RTM_NEWLINK`. */
  readonly name: string;
  readonly type: number;
  /** NLM_F_REQUEST is added by the socket, and NLM_F_ACK where it needs one. */
  readonly flags: number;
  /** Writes all after the header. */
  write(writer: Writer): void;
}

/** A question, and how to read an answer to it. `T` is a value that keeps no part of the message's memory. */
export interface Query<T> extends Message {
  /** Returns undefined for a message that is no answer to the question. @throws WireError. */
  decode(body: Uint8Array, type: number): T | undefined;
}

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_ECHO = 0x8;
export const NLM_F_DUMP_INTR = 0x10;
/** For messages that ask. */
export const NLM_F_DUMP = 0x300;
/** For messages that make: replace what is there; fail with EEXIST where it is; create what is not; add at the end. */
export const NLM_F_REPLACE = 0x100;
/** Of a deletion: not with what is inside. */
export const NLM_F_NONREC = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** On an error: the request is not repeated in it; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

/** `struct nlmsghdr`: length, type, flags, sequence, port. */
export const HEADER = 16;

/** Appends a message. @throws RangeError, TypeError: what a value cannot be. */
export function encode(writer: Writer, message: Message, sequence: number, extraFlags = NLM_F_REQUEST): void {
  const at = reserve(writer, HEADER);
  message.write(writer);
  const { view } = writer;
  view.setUint32(at, writer.length - at, LITTLE_ENDIAN);
  view.setUint16(at + 4, message.type, LITTLE_ENDIAN);
  view.setUint16(at + 6, message.flags | extraFlags, LITTLE_ENDIAN);
  view.setUint32(at + 8, sequence, LITTLE_ENDIAN);
  align(writer);
}

/** Adds flags to a message that was written from `at` on. */
export function addFlags(writer: Writer, at: number, flags: number): void {
  const { view } = writer;
  view.setUint16(at + 6, view.getUint16(at + 6, LITTLE_ENDIAN) | flags, LITTLE_ENDIAN);
}

/** A message from the kernel. `body` shares the memory that it was received into. */
export interface Received {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** The messages of one datagram. @throws WireError. */
export function splitMessages(bytes: Uint8Array): readonly Received[] {
  const messages: Received[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = u32(bytes, at);
    if (length < HEADER || at + length > bytes.length) {
      throw new WireError(`a message at ${at} of ${bytes.length} bytes says that it has ${length}`);
    }
    messages.push({
      type: u16(bytes, at + 4),
      flags: u16(bytes, at + 6),
      sequence: u32(bytes, at + 8),
      body: bytes.subarray(at + HEADER, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** NLMSGERR_ATTR_* */
const ATTR_MSG = 1;
const ATTR_OFFS = 2;
const ATTR_MISS_TYPE = 5;

/** What an NLMSG_ERROR or NLMSG_DONE says: errno 0 is success. @throws WireError. */
export function readOutcome({ type, flags, body }: Received): { readonly errno: number } & Refusal {
  // An old kernel ends a dump with nothing at all.
  if (type === NLMSG_DONE && body.length < 4) return { errno: 0 };
  const errno = -i32(body);
  if (errno < 0) throw new WireError(`an error has a negative number, not ${-errno}`);
  if (errno === 0 || (flags & NLM_F_ACK_TLVS) === 0) return { errno };
  const attributes = readAttributes(body, refusalAt(type, flags, body));
  const reason = optional(attributes, ATTR_MSG, text);
  const offset = optional(attributes, ATTR_OFFS, u32);
  const missing = optional(attributes, ATTR_MISS_TYPE, u32);
  return {
    errno,
    ...(reason === undefined ? {} : { reason }),
    ...(offset === undefined ? {} : { offset }),
    ...(missing === undefined ? {} : { missing }),
  };
}

/** Attributes come after the number; in an error, after the request or its header, too. */
function refusalAt(type: number, flags: number, body: Uint8Array): number {
  if (type === NLMSG_DONE) return 4;
  const request = (flags & NLM_F_CAPPED) !== 0 ? HEADER : Math.max(HEADER, u32(body, 4));
  return 4 + 4 * Math.ceil(request / 4);
}
