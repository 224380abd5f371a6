/** One direction of a flow. */
import { address, type Attributes, nestedAttributes, optional, present, u16be, u8 } from '../reader.ts';
import { ipBytes } from '../text.ts';
import { attribute, attributeU16be, attributeU8, nested, reserve, type Writer } from '../writer.ts';
import { NESTED } from './constants.ts';

export interface Tuple {
  /** IP addresses without prefix. */
  readonly src: string;
  readonly dst: string;
  /** IPPROTO_*: 6 TCP, 17 UDP, 132 SCTP, 1 ICMP. */
  readonly protocol: number;
  /** Absent for protocols without ports. */
  readonly srcPort?: number;
  readonly dstPort?: number;
}

/** CTA_TUPLE_*, CTA_IP_*, CTA_PROTO_* of linux/netfilter/nfnetlink_conntrack.h */
const IP = 1;
const PROTO = 2;
const V4_SRC = 1;
const V4_DST = 2;
const V6_SRC = 3;
const V6_DST = 4;
const PROTO_NUM = 1;
const SRC_PORT = 2;
const DST_PORT = 3;

/** What is given of a tuple, as an attribute. */
export function writeTuple(
  writer: Writer,
  type: number,
  { src, dst, protocol, srcPort, dstPort }: Partial<Tuple>,
): void {
  nested(writer, type | NESTED, () => {
    nested(writer, IP | NESTED, () => {
      if (src !== undefined) writeAddress(writer, V4_SRC, V6_SRC, src);
      if (dst !== undefined) writeAddress(writer, V4_DST, V6_DST, dst);
    });
    if (protocol === undefined) return;
    nested(writer, PROTO | NESTED, () => {
      attributeU8(writer, PROTO_NUM, protocol);
      if (srcPort !== undefined) attributeU16be(writer, SRC_PORT, srcPort);
      if (dstPort !== undefined) attributeU16be(writer, DST_PORT, dstPort);
    });
  });
}

function writeAddress(writer: Writer, v4: number, v6: number, text: string): void {
  const bytes = ipBytes(text);
  attribute(writer, bytes.length === 4 ? v4 : v6, bytes);
}

/** @throws WireError. */
export function readTuple(attributes: Attributes): Tuple | undefined {
  const ip = nestedAttributes(attributes, IP);
  const proto = nestedAttributes(attributes, PROTO);
  const src = optional(ip, V4_SRC, address) ?? optional(ip, V6_SRC, address);
  const dst = optional(ip, V4_DST, address) ?? optional(ip, V6_DST, address);
  const protocol = optional(proto, PROTO_NUM, u8);
  if (src === undefined || dst === undefined || protocol === undefined) return undefined;
  return present<Tuple>({
    src,
    dst,
    protocol,
    srcPort: optional(proto, SRC_PORT, u16be),
    dstPort: optional(proto, DST_PORT, u16be),
  });
}

/** `struct nfgenmsg`: family, version, resource. Version 1 lets the kernel honour the family of a deletion without a tuple. */
export function ctHeader(writer: Writer, family: number): void {
  const at = reserve(writer, 4);
  writer.bytes.set([family, 1], at);
}
