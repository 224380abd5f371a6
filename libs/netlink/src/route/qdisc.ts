/** Queueing disciplines: what limits, sorts or delays what leaves a link, and the hook for what comes. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type Query } from '../message.ts';
import { nestedAttributes, optional, present, readAttributes, required, text, u32 } from '../reader.ts';
import { attribute, attributeText, attributeU32, LITTLE_ENDIAN, nested } from '../writer.ts';
import { RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC } from './constants.ts';
import {
  INGRESS_HANDLE,
  TC_H_INGRESS,
  TC_H_ROOT,
  TC_HEADER,
  TCA_KIND,
  TCA_OPTIONS,
  tcHeader,
  tcMessage,
  type TcPlace,
} from './tc-header.ts';
import { readBucket, type TokenBucket, writeBucket } from './token-bucket.ts';

export { isSameBucket, type TokenBucket } from './token-bucket.ts';

/** linux/rtnetlink.h, linux/gen_stats.h, linux/pkt_sched.h */
const TCA_STATS2 = 7;
const TCA_STATS_QUEUE = 3;
const TCA_FQ_CODEL_TARGET = 1;
const TCA_FQ_CODEL_LIMIT = 2;
const TCA_HTB_INIT = 2;
const HTB_VERSION = 3;
const HTB_RATE_TO_QUANTUM = 10;

/** Where a discipline goes: at the root of what leaves the link when no parent is given. */
export type QdiscPlace = Pick<TcPlace, 'handle' | 'parent'>;

/**
 * Limits what leaves the link, in place of what limited it before. One with this handle and another kind is EINVAL: delete it first.
 * NetlinkError ENOENT: the kernel lacks the kind.
 */
export const replaceTokenBucket = (index: number, bucket: TokenBucket, place: QdiscPlace = {}): Message =>
  replace(index, place, 'tbf', (message) => nested(message, TCA_OPTIONS, () => writeBucket(message, bucket)));

/** Fair queues with a bound on delay (tc-fq_codel(8)); `limit` in packets, `target` in microseconds. ENOENT: the kernel lacks the kind. */
export const replaceFairQueue = (
  index: number,
  { limit, target }: { readonly limit: number; readonly target: number },
  place: QdiscPlace = {},
): Message =>
  replace(index, place, 'fq_codel', (message) =>
    nested(message, TCA_OPTIONS, () => {
      attributeU32(message, TCA_FQ_CODEL_LIMIT, limit);
      attributeU32(message, TCA_FQ_CODEL_TARGET, target);
    }),
  );

/** Classes to sort packets into (tc-htb(8)); what no filter sorts goes to the class `defaultClass`, a minor number. */
export const replaceClasses = (index: number, defaultClass: number, place: QdiscPlace = {}): Message =>
  replace(index, place, 'htb', (message) =>
    nested(message, TCA_OPTIONS, () => {
      const view = new DataView(new ArrayBuffer(20));
      [HTB_VERSION, HTB_RATE_TO_QUANTUM, defaultClass].forEach((field, at) =>
        view.setUint32(at * 4, field, LITTLE_ENDIAN),
      );
      attribute(message, TCA_HTB_INIT, new Uint8Array(view.buffer));
    }),
  );

const replace = (
  index: number,
  { handle, parent }: QdiscPlace,
  kind: string,
  writeOptions: (message: Parameters<Message['write']>[0]) => void,
): Message =>
  tcMessage('RTM_NEWQDISC', RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, (writer) => {
    tcHeader(writer, { index, handle: handle ?? 0, parent: parent ?? TC_H_ROOT });
    attributeText(writer, TCA_KIND, kind);
    writeOptions(writer);
  });

/**
 * Asks for a discipline in a shape that every kind refuses, so that nothing changes. NetlinkError ENOENT: the kernel lacks the kind;
 * another one: it has it.
 */
export const probeQdisc = (index: number, kind: string): Message =>
  replace(index, {}, kind, (message) =>
    // No kind has an attribute 1 of one byte.
    nested(message, TCA_OPTIONS, () => attribute(message, 1, new Uint8Array(1))),
  );

/** Makes the hook for filters of what comes (`ingress`) or of both directions (`clsact`). EEXIST: there is one. */
export const addIngress = (index: number, kind: 'ingress' | 'clsact' = 'ingress'): Message =>
  tcMessage('RTM_NEWQDISC', RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, (writer) => {
    tcHeader(writer, { index, handle: INGRESS_HANDLE, parent: TC_H_INGRESS });
    attributeText(writer, TCA_KIND, kind);
  });

/** Takes away what limits the link, or its hook. ENOENT, EINVAL: there is nothing but the default. */
export const deleteQdisc = (index: number, where: 'root' | 'ingress'): Message =>
  tcMessage('RTM_DELQDISC', RTM_DELQDISC, 0, (writer) =>
    tcHeader(
      writer,
      where === 'root' ? { index, parent: TC_H_ROOT } : { index, handle: INGRESS_HANDLE, parent: TC_H_INGRESS },
    ),
  );

/** A discipline as the kernel describes it. */
export interface Qdisc {
  readonly index: number;
  readonly kind: string;
  /** 0 for one that the kernel made by itself. */
  readonly handle: number;
  readonly parent: number;
  /** Of a token bucket: `burst` is a time in the kernel and may differ by rounding. */
  readonly bucket?: TokenBucket;
  readonly queue?: QueueStats;
}

/** `struct gnet_stats_queue` of linux/gen_stats.h: packets and bytes that wait, and packets that were dropped. */
export interface QueueStats {
  readonly packets: number;
  readonly bytes: number;
  readonly drops: number;
}

/** Disciplines of all links, or of one. For `dump`. Those that the kernel made by itself for a link are not all listed. */
export const listQdiscs = (filter: { readonly index?: number } = {}): Query<Qdisc> => ({
  name: 'RTM_GETQDISC',
  type: RTM_GETQDISC,
  flags: 0,
  write: (writer) => tcHeader(writer, { index: filter.index ?? 0 }),
  decode(body, type) {
    const qdisc = decodeQdisc(body, type);
    return filter.index === undefined || qdisc?.index === filter.index ? qdisc : undefined;
  },
});

/** @throws WireError. */
export function decodeQdisc(body: Uint8Array, type: number): Qdisc | undefined {
  if (type !== RTM_NEWQDISC) return undefined;
  const attributes = readAttributes(body, TC_HEADER);
  const kind = required(attributes, TCA_KIND, text);
  return present<Qdisc>({
    index: u32(body, 4),
    kind,
    handle: u32(body, 8),
    parent: u32(body, 12),
    bucket: kind === 'tbf' ? readBucket(nestedAttributes(attributes, TCA_OPTIONS)) : undefined,
    queue: optional(nestedAttributes(attributes, TCA_STATS2), TCA_STATS_QUEUE, readQueue),
  });
}

const readQueue = (bytes: Uint8Array): QueueStats => ({
  packets: u32(bytes, 0),
  bytes: u32(bytes, 4),
  drops: u32(bytes, 8),
});
