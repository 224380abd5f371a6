/** How the fields of expressions are written and read. */
import { text, u32be, u64be, u8 } from '../reader.ts';
import { attributeText, attributeU32be, attributeU64be, attributeU8, type Writer } from '../writer.ts';
import { type Data, readData, readValue, writeData } from './data.ts';

export interface Codec {
  write(writer: Writer, type: number, value: never): void;
  read(bytes: Uint8Array): unknown;
}

export const int: Codec = { write: attributeU32be, read: u32be };
export const small: Codec = { write: attributeU8, read: u8 };
export const long: Codec = { write: attributeU64be, read: u64be };
export const name: Codec = { write: attributeText, read: text };
export const value: Codec = {
  write: (writer, type, data: Uint8Array) => writeData(writer, type, data),
  read: readValue,
};
export const data: Codec = { write: (writer, type, verdict: Data) => writeData(writer, type, verdict), read: readData };

/** A number by its name. */
export const enumOf = (names: Readonly<Record<string, number>>): Codec => ({
  write: (writer, type, key: string) => attributeU32be(writer, type, names[key] ?? 0),
  read(bytes) {
    const number = u32be(bytes);
    const key = Object.keys(names).find((each) => names[each] === number);
    if (key === undefined) throw new UnknownValue();
    return key;
  },
});
export const listOf = (names: readonly string[]): Codec =>
  enumOf(Object.fromEntries(names.map((each, index) => [each, index])));

/** NFT_LOOKUP_F_INV, NFT_LIMIT_F_INV: the only flag. */
export const inverted: Codec = {
  write: (writer, type, value: boolean) => attributeU32be(writer, type, Number(value)),
  read: (bytes) => (u32be(bytes) === 0 ? undefined : true),
};
/** NF_NAT_RANGE_MAP_IPS and _PROTO_SPECIFIED of linux/netfilter/nf_nat.h: the kernel adds them where there is an address or a port. */
const NAT_GIVEN = 0x3;
/** Flags of a translation; none is as good as absent. */
export const flags: Codec = { write: attributeU32be, read: (bytes) => u32be(bytes) & ~NAT_GIVEN || undefined };

/** A foreign rule may use a key that has no name here; such an expression is read as `unknown`. */
export class UnknownValue extends Error {}
