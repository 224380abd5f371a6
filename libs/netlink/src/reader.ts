/** Reads attributes and fields of netlink messages. Whatever is too short or leads out of its bytes is a `WireError`. */
import { WireError } from './error.ts';
import { ipText } from './text.ts';
import { LITTLE_ENDIAN } from './writer.ts';

/** The payload of each attribute by its type, without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER. They share the message's memory. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

const HEADER = 4;
/** linux/netlink.h: NLA_TYPE_MASK */
const TYPE_MASK = 0x3fff;
const decoder = new TextDecoder();

/**
 * Calls `each` with the type and the bounds of the payload of every attribute between two places; for long lists, in which an object for
 * each attribute would cost too much. @throws WireError.
 */
export function scanAttributes(
  view: DataView,
  from: number,
  to: number,
  each: (type: number, from: number, to: number) => void,
): void {
  let at = from;
  while (to - at >= HEADER) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    const end = at + length;
    if (length < HEADER || end > to)
      throw new WireError(`an attribute at ${at} of ${to} bytes says that it has ${length}`);
    each(view.getUint16(at + 2, LITTLE_ENDIAN) & TYPE_MASK, at + HEADER, end);
    at += (length + 3) & ~3;
  }
}

export const dataView = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Calls `each` for every attribute in order; for lists, in which a type comes more than once. @throws WireError. */
export function forEachAttribute(bytes: Uint8Array, each: (type: number, payload: Uint8Array) => void, from = 0): void {
  scanAttributes(dataView(bytes), from, bytes.length, (type, start, end) => each(type, bytes.subarray(start, end)));
}

/** The attributes that begin at `from`; of a repeated type the last. @throws WireError. */
export function readAttributes(bytes: Uint8Array, from = 0): Attributes {
  const found = new Map<number, Uint8Array>();
  forEachAttribute(bytes, (type, payload) => void found.set(type, payload), from);
  return found;
}

const EMPTY: Attributes = new Map();

/** The attributes inside of an attribute; none when it is absent. @throws WireError. */
export const nestedAttributes = (attributes: Attributes, type: number): Attributes => {
  const bytes = attributes.get(type);
  return bytes === undefined ? EMPTY : readAttributes(bytes);
};

const viewOf = (bytes: Uint8Array, at: number, size: number): DataView => {
  if (bytes.length < at + size) throw new WireError(`${size} bytes at ${at} are wanted of ${bytes.length}`);
  return new DataView(bytes.buffer, bytes.byteOffset + at, size);
};

/** Fields at an offset. In the machine's byte order, but for those that end in `be`. @throws WireError. */
export const u8 = (bytes: Uint8Array, at = 0): number => viewOf(bytes, at, 1).getUint8(0);
export const u16 = (bytes: Uint8Array, at = 0): number => viewOf(bytes, at, 2).getUint16(0, LITTLE_ENDIAN);
export const u32 = (bytes: Uint8Array, at = 0): number => viewOf(bytes, at, 4).getUint32(0, LITTLE_ENDIAN);
export const i32 = (bytes: Uint8Array, at = 0): number => viewOf(bytes, at, 4).getInt32(0, LITTLE_ENDIAN);
export const u16be = (bytes: Uint8Array, at = 0): number => viewOf(bytes, at, 2).getUint16(0);
export const u32be = (bytes: Uint8Array, at = 0): number => viewOf(bytes, at, 4).getUint32(0);
export const i32be = (bytes: Uint8Array, at = 0): number => viewOf(bytes, at, 4).getInt32(0);
export const u64be = (bytes: Uint8Array, at = 0): bigint => viewOf(bytes, at, 8).getBigUint64(0);

/** A text up to its NUL, or to the end of the bytes. */
export const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** An IP address as text. @throws WireError when the bytes are not 4 or 16. */
export const address = (bytes: Uint8Array): string => {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new WireError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  return ipText(bytes);
};

/** Whether a byte is not 0. @throws WireError. */
export const bool = (bytes: Uint8Array): boolean => u8(bytes) !== 0;

/** `read` of an attribute, or undefined when it is absent. */
export const optional = <T>(attributes: Attributes, type: number, read: (bytes: Uint8Array) => T): T | undefined => {
  const bytes = attributes.get(type);
  return bytes === undefined ? undefined : read(bytes);
};

/** `read` of an attribute that must be there. @throws WireError. */
export const required = <T>(attributes: Attributes, type: number, read: (bytes: Uint8Array) => T): T => {
  const bytes = attributes.get(type);
  if (bytes === undefined) throw new WireError(`attribute ${type} is missing`);
  return read(bytes);
};

/** A copy without the fields that are undefined: an absent field and one that is undefined are not the same to a caller that compares. */
export function present<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  const copy: Partial<T> = {};
  for (const key in value) if (value[key] !== undefined) copy[key] = value[key] as T[typeof key];
  return copy as T;
}
