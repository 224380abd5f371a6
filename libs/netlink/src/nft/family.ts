import { reserve, type Writer } from '../writer.ts';
import { u8 } from '../reader.ts';

/** NFPROTO_* of linux/netfilter.h */
const FAMILIES = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

/** Which packets a table sees. `inet` is both families of IP. */
export type Family = keyof typeof FAMILIES;

/** A table by its family and name. */
export interface TableRef {
  readonly family: Family;
  readonly table: string;
}

export const HEADER = 4;

/** `struct nfgenmsg` of linux/netfilter/nfnetlink.h: family, version, resource in network order. Undefined: all families. */
export function nftHeader(writer: Writer, family: Family | undefined, resource = 0): void {
  const at = reserve(writer, HEADER);
  writer.view.setUint8(at, family === undefined ? 0 : FAMILIES[family]);
  writer.view.setUint16(at + 2, resource);
}

/** The family of a message; undefined for one that is not known. @throws WireError. */
export function familyOf(body: Uint8Array): Family | undefined {
  const number = u8(body);
  return (Object.keys(FAMILIES) as Family[]).find((family) => FAMILIES[family] === number);
}

export const familyNumber = (family: 'ip' | 'ip6'): number => FAMILIES[family];
