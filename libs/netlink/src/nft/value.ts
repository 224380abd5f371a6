/** Values as nf_tables compares them: addresses and ports in network order, marks in the machine's, names padded. */
import { ipBytes, macBytes } from '../text.ts';
import { LITTLE_ENDIAN } from '../writer.ts';

const IFNAME_SIZE = 16;

/** An IPv4 or IPv6 address. @throws RangeError. */
export const ip = ipBytes;
/** @throws RangeError. */
export const mac = macBytes;

/** A byte: a protocol's number (6 TCP, 17 UDP, 132 SCTP), flags of TCP, an ICMP type. */
export const byte = (value: number): Uint8Array => Uint8Array.of(value);

/** 16 bits in network order: a port, an ethertype. */
export const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

/** 32 bits in the machine's order: a mark, an index, bits of conntrack. */
export function native32(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, LITTLE_ENDIAN);
  return new Uint8Array(view.buffer);
}

/** The name of a link, with zeros up to 16 bytes. @throws RangeError. */
export function ifname(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length >= IFNAME_SIZE)
    throw new RangeError(`not a name of a link: ${JSON.stringify(name)}`);
  const padded = new Uint8Array(IFNAME_SIZE);
  padded.set(bytes);
  return padded;
}

/** The text of `ifname`. */
export const ifnameText = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

const padded = (length: number): number => (length + 3) & ~3;

/** Fields of a concatenation, each padded to four bytes. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + padded(part.length), 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += padded(part.length);
  }
  return joined;
}

/** The fields of a concatenation again, by their lengths. @throws RangeError when they do not fill it. */
export function split(bytes: Uint8Array, ...lengths: readonly number[]): Uint8Array[] {
  const total = lengths.reduce((sum, length) => sum + padded(length), 0);
  if (total !== bytes.length) throw new RangeError(`fields of ${lengths.join(', ')} bytes do not fill ${bytes.length}`);
  let at = 0;
  return lengths.map((length) => {
    const part = bytes.subarray(at, at + length);
    at += padded(length);
    return part;
  });
}

/** The mask of the first `length` bits of `size` bytes. */
export const mask = (length: number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, at) => 0xff & ~(0xff >> Math.max(0, Math.min(8, length - at * 8))));

/** The number of `native32`. */
export const native32Value = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, LITTLE_ENDIAN);
