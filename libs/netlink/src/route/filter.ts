/** Filters of the kind `u32`, by an address: they choose a class, or send what comes to another link. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, type Query } from '../message.ts';
import {
  forEachAttribute,
  nestedAttributes,
  optional,
  present,
  readAttributes,
  required,
  text,
  u32,
} from '../reader.ts';
import { attribute, attributeText, attributeU32, LITTLE_ENDIAN, nested, reserve, type Writer } from '../writer.ts';
import { NESTED, RTM_DELTFILTER, RTM_GETTFILTER, RTM_NEWTFILTER } from './constants.ts';
import { AF_INET, parsePrefix } from './family.ts';
import { TC_HEADER, TCA_KIND, TCA_OPTIONS, tcHeader, tcMessage } from './tc-header.ts';

/** A filter to make. */
export interface FilterSpec {
  readonly index: number;
  /** The discipline whose packets it sees; INGRESS_FILTERS: what comes. */
  readonly parent: number;
  /** Filters are asked from the lowest preference on; those of one preference are of one protocol. */
  readonly preference: number;
  /** Packets to or from a subnet; all packets when absent. */
  readonly match?: { readonly field: 'source' | 'destination'; readonly subnet: string };
  /** The class that matching packets belong to; at the hook for what comes any class lets them pass. */
  readonly classId: number;
  /** Index of the link that matching packets leave by, in place of where they were going. */
  readonly redirectTo?: number;
}

/** linux/if_ether.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h */
const ETH_P_ALL = 0x0003;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const TCA_U32_CLASSID = 1;
const TCA_U32_SEL = 5;
const TCA_U32_ACT = 7;
const TC_U32_TERMINAL = 1;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_MIRRED_PARMS = 2;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;
/** Offsets of addresses in the headers of IPv4 and IPv6. */
const OFFSETS = { source: { 4: 12, 6: 8 }, destination: { 4: 16, 6: 24 } } as const;

/** `struct tc_u32_key`: a word of the packet, by mask, value and offset. */
interface Key {
  readonly mask: number;
  readonly value: number;
  readonly offset: number;
}
const ANY: Key = { mask: 0, value: 0, offset: 0 };

const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8);
const infoOf = (preference: number, protocol: number): number =>
  ((preference << 16) | (LITTLE_ENDIAN ? swap16(protocol) : protocol)) >>> 0;

/** Adds a filter. ENOENT: the kernel lacks the kind. EINVAL: the preference has filters of another protocol. */
export const addFilter = ({ index, parent, preference, match, classId, redirectTo }: FilterSpec): Message =>
  tcMessage('RTM_NEWTFILTER', RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, (writer) => {
    const { protocol, keys } = match === undefined ? { protocol: ETH_P_ALL, keys: [ANY] } : wordsOf(match);
    tcHeader(writer, { index, parent, info: infoOf(preference, protocol) });
    attributeText(writer, TCA_KIND, 'u32');
    nested(writer, TCA_OPTIONS, () => {
      attributeU32(writer, TCA_U32_CLASSID, classId);
      if (redirectTo !== undefined) nested(writer, TCA_U32_ACT, () => writeRedirect(writer, redirectTo));
      writeSelector(writer, keys);
    });
  });

function wordsOf({ field, subnet }: NonNullable<FilterSpec['match']>): { protocol: number; keys: readonly Key[] } {
  const { bytes, length, family } = parsePrefix(subnet);
  const isV4 = family === AF_INET;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const keys: Key[] = [];
  for (let at = 0; at === 0 || at * 8 < length; at += 4) {
    const bits = Math.min(32, length - at * 8);
    // A shift by 32 is one by 0.
    const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
    keys.push({ mask, value: (view.getUint32(at) & mask) >>> 0, offset: OFFSETS[field][isV4 ? 4 : 6] + at });
  }
  return { protocol: isV4 ? ETH_P_IP : ETH_P_IPV6, keys };
}

/** `struct tc_u32_sel`: flags, two shifts, number of keys, and offsets that stay zero; then the keys. */
function writeSelector(writer: Writer, keys: readonly Key[]): void {
  nested(writer, TCA_U32_SEL, () => {
    const head = reserve(writer, 16);
    writer.view.setUint8(head, TC_U32_TERMINAL);
    writer.view.setUint8(head + 2, keys.length);
    for (const { mask, value, offset } of keys) {
      const at = reserve(writer, 16);
      // Mask and value are compared with the packet, and so in network order.
      writer.view.setUint32(at, mask);
      writer.view.setUint32(at + 4, value);
      writer.view.setInt32(at + 8, offset, LITTLE_ENDIAN);
    }
  });
}

/** `struct tc_mirred`: index of the action, capabilities, what happens to the packet, two counters, direction, link. */
function writeRedirect(writer: Writer, link: number): void {
  nested(writer, 1, () => {
    attributeText(writer, TCA_ACT_KIND, 'mirred');
    nested(writer, TCA_ACT_OPTIONS | NESTED, () => {
      const view = new DataView(new ArrayBuffer(28));
      view.setInt32(8, TC_ACT_STOLEN, LITTLE_ENDIAN);
      view.setInt32(20, TCA_EGRESS_REDIR, LITTLE_ENDIAN);
      view.setUint32(24, link, LITTLE_ENDIAN);
      attribute(writer, TCA_MIRRED_PARMS, new Uint8Array(view.buffer));
    });
  });
}

/** Removes all filters of a preference. ENOENT: there are none. EINVAL: there is no such discipline. */
export const deleteFilters = (index: number, parent: number, preference: number): Message =>
  tcMessage('RTM_DELTFILTER', RTM_DELTFILTER, 0, (writer) =>
    // The kernel takes a preference's filters of any protocol where none is said.
    tcHeader(writer, { index, parent, info: infoOf(preference, 0) }),
  );

/** A filter as the kernel describes it. */
export interface Filter {
  readonly kind: string;
  readonly preference: number;
  readonly classId?: number;
  /** Index of the link that its packets are sent to. */
  readonly redirectTo?: number;
}

/** The filters of a discipline. For `dump`. Tables of the kind u32 come as filters without a class. */
export const listFilters = (index: number, parent: number): Query<Filter> => ({
  name: 'RTM_GETTFILTER',
  type: RTM_GETTFILTER,
  flags: 0,
  write: (writer) => tcHeader(writer, { index, parent }),
  decode: decodeFilter,
});

/** @throws WireError. */
export function decodeFilter(body: Uint8Array, type: number): Filter | undefined {
  if (type !== RTM_NEWTFILTER) return undefined;
  const attributes = readAttributes(body, TC_HEADER);
  const options = nestedAttributes(attributes, TCA_OPTIONS);
  const kind = required(attributes, TCA_KIND, text);
  return present<Filter>({
    kind,
    preference: u32(body, 16) >>> 16,
    classId: kind === 'u32' ? optional(options, TCA_U32_CLASSID, u32) : undefined,
    redirectTo: kind === 'u32' ? optional(options, TCA_U32_ACT, redirectIn) : undefined,
  });
}

function redirectIn(actions: Uint8Array): number | undefined {
  let link: number | undefined;
  forEachAttribute(actions, (_order, bytes) => {
    const action = readAttributes(bytes);
    if (optional(action, TCA_ACT_KIND, text) !== 'mirred') return;
    link = optional(nestedAttributes(action, TCA_ACT_OPTIONS), TCA_MIRRED_PARMS, (parms) => u32(parms, 24));
  });
  return link;
}
