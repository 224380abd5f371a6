/**
 * Writes netlink messages: fields in the machine's byte order, attributes padded to four bytes (linux/netlink.h).
 *
 * A writer is a plain value and can be used again after `reset`; it grows as needed.
 */
export interface Writer {
  bytes: Uint8Array;
  view: DataView;
  length: number;
}

/** Whether this machine stores the low byte first; netlink uses the machine's order where nothing else is said. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The largest payload of an attribute: its length is 16 bits and counts its own four bytes of header. */
export const MAX_PAYLOAD = 0xffff - 4;

const HEADER = 4;
const encoder = new TextEncoder();

export function createWriter(capacity = 1024): Writer {
  const bytes = new Uint8Array(capacity);
  return { bytes, view: new DataView(bytes.buffer), length: 0 };
}

export function reset(writer: Writer): void {
  writer.length = 0;
}

/** What has been written; valid until the writer writes again. */
export const written = (writer: Writer): Uint8Array => writer.bytes.subarray(0, writer.length);

/** Makes room for `size` bytes, which are zero, and returns where they begin. */
export function reserve(writer: Writer, size: number): number {
  const at = writer.length;
  const end = at + size;
  if (end > writer.bytes.length) {
    const bytes = new Uint8Array(Math.max(end, writer.bytes.length * 2));
    bytes.set(writer.bytes);
    writer.bytes = bytes;
    writer.view = new DataView(bytes.buffer);
  } else writer.bytes.fill(0, at, end);
  writer.length = end;
  return at;
}

export function putU8(writer: Writer, value: number): void {
  const at = reserve(writer, 1);
  writer.view.setUint8(at, value);
}

export function putU16(writer: Writer, value: number): void {
  const at = reserve(writer, 2);
  writer.view.setUint16(at, value, LITTLE_ENDIAN);
}

export function putU32(writer: Writer, value: number): void {
  const at = reserve(writer, 4);
  writer.view.setUint32(at, value, LITTLE_ENDIAN);
}

export function putBytes(writer: Writer, bytes: Uint8Array): void {
  const at = reserve(writer, bytes.length);
  writer.bytes.set(bytes, at);
}

/** Pads to a multiple of four, as the next attribute or message needs it. */
export function align(writer: Writer): void {
  reserve(writer, -writer.length & 3);
}

/** Begins an attribute and returns where; `endAttribute` needs that. */
export function beginAttribute(writer: Writer, type: number): number {
  const at = reserve(writer, HEADER);
  writer.view.setUint16(at + 2, type, LITTLE_ENDIAN);
  return at;
}

/** @throws RangeError when the attribute is longer than 64 KiB. */
export function endAttribute(writer: Writer, start: number): void {
  const length = writer.length - start;
  if (length > HEADER + MAX_PAYLOAD) throw new RangeError(`an attribute of ${length} bytes is longer than 64 KiB`);
  writer.view.setUint16(start, length, LITTLE_ENDIAN);
  align(writer);
}

/** An attribute whose payload `write` writes; attributes in an attribute, as a rule. */
export function nested(writer: Writer, type: number, write: (writer: Writer) => void): void {
  const start = beginAttribute(writer, type);
  write(writer);
  endAttribute(writer, start);
}

export function attribute(writer: Writer, type: number, bytes: Uint8Array): void {
  const start = beginAttribute(writer, type);
  putBytes(writer, bytes);
  endAttribute(writer, start);
}

/** An attribute without payload: that it is there says it. */
export function attributeFlag(writer: Writer, type: number): void {
  endAttribute(writer, beginAttribute(writer, type));
}

/** An attribute of a text in UTF-8, with a NUL at its end. @throws TypeError when the text has one inside. */
export function attributeText(writer: Writer, type: number, text: string): void {
  if (text.includes('\0')) throw new TypeError(`a text for the kernel cannot hold a NUL byte: ${JSON.stringify(text)}`);
  const start = beginAttribute(writer, type);
  putBytes(writer, encoder.encode(text));
  putU8(writer, 0);
  endAttribute(writer, start);
}

/** The same without the NUL: where the kernel would keep it as a part of the text. */
export function attributeChars(writer: Writer, type: number, text: string): void {
  if (text.includes('\0')) throw new TypeError(`a text for the kernel cannot hold a NUL byte: ${JSON.stringify(text)}`);
  attribute(writer, type, encoder.encode(text));
}

export function attributeU8(writer: Writer, type: number, value: number): void {
  const start = beginAttribute(writer, type);
  putU8(writer, value);
  endAttribute(writer, start);
}

/** In the machine's byte order. */
export function attributeU16(writer: Writer, type: number, value: number): void {
  const start = beginAttribute(writer, type);
  putU16(writer, value);
  endAttribute(writer, start);
}

/** In the machine's byte order. */
export function attributeU32(writer: Writer, type: number, value: number): void {
  const start = beginAttribute(writer, type);
  putU32(writer, value);
  endAttribute(writer, start);
}

/** In network byte order, as nf_tables, conntrack and some attributes of rtnetlink want it. */
export function attributeU16be(writer: Writer, type: number, value: number): void {
  const start = beginAttribute(writer, type);
  const at = reserve(writer, 2);
  writer.view.setUint16(at, value);
  endAttribute(writer, start);
}

/** In network byte order. */
export function attributeU32be(writer: Writer, type: number, value: number): void {
  const start = beginAttribute(writer, type);
  const at = reserve(writer, 4);
  writer.view.setUint32(at, value);
  endAttribute(writer, start);
}

/** In network byte order. */
export function attributeU64be(writer: Writer, type: number, value: bigint): void {
  const start = beginAttribute(writer, type);
  const at = reserve(writer, 8);
  writer.view.setBigUint64(at, value);
  endAttribute(writer, start);
}
