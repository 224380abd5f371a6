import { LITTLE_ENDIAN, reserve, type Writer } from '../writer.ts';

/** NDA_*, NUD_*, NTF_* of linux/neighbour.h */
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_VLAN = 5;
export const NDA_IFINDEX = 8;
export const NDA_MASTER = 9;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
export const NTF_SELF = 0x02;
export const NTF_MASTER = 0x04;
export const NTF_PROXY = 0x08;

export const NEIGH_HEADER = 12;

/** `struct ndmsg`: family, three bytes unused, index, state, flags, type. */
export function neighHeader(writer: Writer, family: number, index: number, state: number, flags: number): void {
  const at = reserve(writer, NEIGH_HEADER);
  const { view } = writer;
  view.setUint8(at, family);
  view.setInt32(at + 4, index, LITTLE_ENDIAN);
  view.setUint16(at + 8, state, LITTLE_ENDIAN);
  view.setUint8(at + 10, flags);
}
