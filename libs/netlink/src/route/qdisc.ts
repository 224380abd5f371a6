/** Queueing disciplines: a token bucket that limits what leaves a link, and the hook for what comes. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type Query } from '../message.ts';
import { nestedAttributes, optional, present, readAttributes, required, text, u32 } from '../reader.ts';
import { attribute, attributeText, attributeU32, LITTLE_ENDIAN, nested, reserve, type Writer } from '../writer.ts';
import { RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC } from './constants.ts';

/** A token bucket (tc-tbf(8)). */
export interface TokenBucket {
  /** Bytes in a second. */
  readonly rate: number;
  /** Bytes that may leave at once. */
  readonly burst: number;
  /** Bytes that may wait; what exceeds it is dropped. */
  readonly limit: number;
}

/** TCA_* of linux/rtnetlink.h and linux/pkt_sched.h */
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_TBF_PARMS = 1;
const TCA_TBF_RATE64 = 4;
const TCA_TBF_BURST = 6;
const TC_H_ROOT = 0xffffffff;
const TC_H_INGRESS = 0xfffffff1;
const INGRESS_HANDLE = 0xffff0000;
const TC_LINKLAYER_ETHERNET = 1;
const HEADER = 20;
/** The kernel counts times in units of 64 ns (PSCHED_TICKS_PER_SEC). */
const NS_PER_TICK = 64;
const MAX_U32 = 0xffffffff;

/** Limits what leaves the link, in place of what limited it before. */
export const replaceTokenBucket = (index: number, bucket: TokenBucket): Message =>
  change('RTM_NEWQDISC', RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, (writer) => {
    header(writer, index, 0, TC_H_ROOT);
    attributeText(writer, TCA_KIND, 'tbf');
    nested(writer, TCA_OPTIONS, () => writeBucket(writer, bucket));
  });

/** Makes the hook for filters of what comes (`ingress`) or of both directions (`clsact`). EEXIST: there is one. */
export const addIngress = (index: number, kind: 'ingress' | 'clsact' = 'ingress'): Message =>
  change('RTM_NEWQDISC', RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, (writer) => {
    header(writer, index, INGRESS_HANDLE, TC_H_INGRESS);
    attributeText(writer, TCA_KIND, kind);
  });

/** Takes away what limits the link, or its hook. ENOENT, EINVAL: there is nothing but the default. */
export const deleteQdisc = (index: number, where: 'root' | 'ingress'): Message =>
  change('RTM_DELQDISC', RTM_DELQDISC, 0, (writer) =>
    header(writer, index, where === 'root' ? 0 : INGRESS_HANDLE, where === 'root' ? TC_H_ROOT : TC_H_INGRESS),
  );

const change = (name: string, type: number, flags: number, write: (writer: Writer) => void): Message => ({
  name,
  type,
  flags,
  write,
});

/** `struct tcmsg`: family, three bytes unused, index, handle, parent, info. */
function header(writer: Writer, index: number, handle: number, parent: number): void {
  const at = reserve(writer, HEADER);
  const { view } = writer;
  view.setInt32(at + 4, index, LITTLE_ENDIAN);
  view.setUint32(at + 8, handle, LITTLE_ENDIAN);
  view.setUint32(at + 12, parent, LITTLE_ENDIAN);
}

/** `struct tc_tbf_qopt`: two `tc_ratespec` (rate and peak), limit, burst as a time, mtu. @throws RangeError. */
function writeBucket(writer: Writer, { rate, burst, limit }: TokenBucket): void {
  for (const [what, value] of [
    ['rate', rate],
    ['burst', burst],
    ['limit', limit],
  ] as const) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${what} of a token bucket is at least a byte: ${value}`);
  }
  const parameters = new Uint8Array(36);
  const view = new DataView(parameters.buffer);
  view.setUint8(1, TC_LINKLAYER_ETHERNET);
  view.setUint32(8, Math.min(rate, MAX_U32), LITTLE_ENDIAN);
  view.setUint32(24, Math.min(limit, MAX_U32), LITTLE_ENDIAN);
  view.setUint32(28, Math.min(Math.round((burst / rate) * (1e9 / NS_PER_TICK)), MAX_U32), LITTLE_ENDIAN);
  attribute(writer, TCA_TBF_PARMS, parameters);
  // The time above is rounded; the kernel prefers the bytes where it is given them.
  attributeU32(writer, TCA_TBF_BURST, Math.min(burst, MAX_U32));
  if (rate > MAX_U32) {
    const wide = new DataView(new ArrayBuffer(8));
    wide.setBigUint64(0, BigInt(rate), LITTLE_ENDIAN);
    attribute(writer, TCA_TBF_RATE64, new Uint8Array(wide.buffer));
  }
}

/** A discipline as the kernel describes it. */
export interface Qdisc {
  readonly index: number;
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  /** Of a token bucket: `burst` is a time in the kernel and may differ by rounding. */
  readonly bucket?: TokenBucket;
}

/** Disciplines of all links, or of one. For `dump`. */
export const listQdiscs = (filter: { readonly index?: number } = {}): Query<Qdisc> => ({
  name: 'RTM_GETQDISC',
  type: RTM_GETQDISC,
  flags: 0,
  write: (writer) => header(writer, filter.index ?? 0, 0, 0),
  decode(body, type) {
    const qdisc = decodeQdisc(body, type);
    return filter.index === undefined || qdisc?.index === filter.index ? qdisc : undefined;
  },
});

/** @throws WireError. */
export function decodeQdisc(body: Uint8Array, type: number): Qdisc | undefined {
  if (type !== RTM_NEWQDISC) return undefined;
  const attributes = readAttributes(body, HEADER);
  const kind = required(attributes, TCA_KIND, text);
  const options = kind === 'tbf' ? nestedAttributes(attributes, TCA_OPTIONS) : undefined;
  return present<Qdisc>({
    index: u32(body, 4),
    kind,
    handle: u32(body, 8),
    parent: u32(body, 12),
    bucket: options === undefined ? undefined : optional(options, TCA_TBF_PARMS, readBucket),
  });
}

function readBucket(bytes: Uint8Array): TokenBucket {
  const rate = u32(bytes, 8);
  return { rate, limit: u32(bytes, 24), burst: Math.round((u32(bytes, 28) * NS_PER_TICK * rate) / 1e9) };
}
