/** Flows that conntrack knows: list them by what they have, remove one. */
import type { Message, Query } from '../message.ts';
import { addressFamily, AF_INET, AF_INET6, type IpFamily } from '../route/family.ts';
import { nestedAttributes, optional, present, readAttributes, u16be, u32be } from '../reader.ts';
import { attributeU16be, attributeU32, attributeU32be, nested, type Writer } from '../writer.ts';
import * as c from './constants.ts';
import { ctHeader, readTuple, type Tuple, writeTuple } from './tuple.ts';

/** A flow as the kernel describes it. */
export interface Flow {
  readonly family: IpFamily;
  /** The direction of its first packet, before any translation. */
  readonly original: Tuple;
  /** What answers look like when they come: the translated addresses, turned around. */
  readonly reply: Tuple;
  /** IPS_* of linux/netfilter/nf_conntrack_common.h: 0x20 DNAT, 0x10 SNAT, 0x2 answered, 0x4 assured. */
  readonly status: number;
  /** In seconds. */
  readonly timeout?: number;
  readonly mark?: number;
  readonly zone: number;
  readonly id: number;
}

/** A flow must have all that is given; an absent field may be anything. Ports need the protocol. */
export interface FlowFilter {
  readonly family: IpFamily;
  readonly original?: Partial<Tuple>;
  readonly reply?: Partial<Tuple>;
}

const HEADER = 4;

/**
 * Flows by what they have. For `dump`. The kernel filters since 5.8 (and walks its table for that); older ones send all of them, and the
 * rest is left out here.
 */
export const listFlows = (filter: FlowFilter): Query<Flow> => ({
  name: 'IPCTNL_MSG_CT_GET',
  type: c.CT_GET,
  flags: 0,
  write(writer) {
    ctHeader(writer, addressFamily(filter.family));
    writeFilter(writer, askable(filter));
  },
  decode(body, type) {
    const flow = decodeFlow(body, type);
    return flow !== undefined && matches(flow, filter) ? flow : undefined;
  },
});

/** Removes one flow that was listed; never another that has its addresses by now. ENOENT: it has ended. */
export const deleteFlow = (flow: Pick<Flow, 'family' | 'original' | 'zone' | 'id'>): Message => ({
  name: 'IPCTNL_MSG_CT_DELETE',
  type: c.CT_DELETE,
  flags: 0,
  write(writer) {
    ctHeader(writer, addressFamily(flow.family));
    writeTuple(writer, c.CTA_TUPLE_ORIG, flow.original);
    attributeU32be(writer, c.CTA_ID, flow.id);
    if (flow.zone !== 0) attributeU16be(writer, c.CTA_ZONE, flow.zone);
  },
});

/** CTA_FILTER_* and their bits, as in the kernel's nf_conntrack_netlink.c; each field of a tuple has one. */
const FILTER_ORIG_FLAGS = 1;
const FILTER_REPLY_FLAGS = 2;
const FLAGS = { src: 1 << 0, dst: 1 << 1, protocol: 1 << 3, srcPort: 1 << 4, dstPort: 1 << 5 } as const;
const FIELDS = Object.keys(FLAGS) as (keyof typeof FLAGS)[];

const flagsOf = (tuple: Partial<Tuple>): number =>
  FIELDS.reduce((flags, field) => (tuple[field] === undefined ? flags : flags | FLAGS[field]), 0);

/**
 * What the kernel is asked for. It leaves out the flows of an IPv6 address that are asked for, and lists the others
 * (ctnetlink_filter_match_tuple takes the result of a comparison for the opposite), so those are picked here.
 */
function askable({ family, original, reply }: FlowFilter): FlowFilter {
  if (family === 4) return { family, ...(original && { original }), ...(reply && { reply }) };
  const withoutAddresses = ({ src: _src, dst: _dst, ...rest }: Partial<Tuple>): Partial<Tuple> => rest;
  const [first, second] = [withoutAddresses(original ?? {}), withoutAddresses(reply ?? {})];
  return {
    family,
    ...(Object.keys(first).length === 0 ? {} : { original: first }),
    ...(Object.keys(second).length === 0 ? {} : { reply: second }),
  };
}

function writeFilter(writer: Writer, { original, reply }: FlowFilter): void {
  if (original === undefined && reply === undefined) return;
  if (original !== undefined) writeTuple(writer, c.CTA_TUPLE_ORIG, original);
  if (reply !== undefined) writeTuple(writer, c.CTA_TUPLE_REPLY, reply);
  nested(writer, c.CTA_FILTER | c.NESTED, () => {
    attributeU32(writer, FILTER_ORIG_FLAGS, flagsOf(original ?? {}));
    attributeU32(writer, FILTER_REPLY_FLAGS, flagsOf(reply ?? {}));
  });
}

const matches = (flow: Flow, filter: FlowFilter): boolean =>
  flow.family === filter.family &&
  (['original', 'reply'] as const).every((direction) =>
    FIELDS.every((field) => {
      const wanted = filter[direction]?.[field];
      return wanted === undefined || flow[direction][field] === wanted;
    }),
  );

/** @throws WireError. */
export function decodeFlow(body: Uint8Array, type: number): Flow | undefined {
  if (type !== c.CT_NEW) return undefined;
  const attributes = readAttributes(body, HEADER);
  const original = readTuple(nestedAttributes(attributes, c.CTA_TUPLE_ORIG));
  const reply = readTuple(nestedAttributes(attributes, c.CTA_TUPLE_REPLY));
  const family = body[0];
  if (original === undefined || reply === undefined || (family !== AF_INET && family !== AF_INET6)) return undefined;
  return present<Flow>({
    family: family === AF_INET ? 4 : 6,
    original,
    reply,
    status: optional(attributes, c.CTA_STATUS, u32be) ?? 0,
    timeout: optional(attributes, c.CTA_TIMEOUT, u32be),
    mark: optional(attributes, c.CTA_MARK, u32be),
    zone: optional(attributes, c.CTA_ZONE, u16be) ?? 0,
    id: optional(attributes, c.CTA_ID, u32be) ?? 0,
  });
}
