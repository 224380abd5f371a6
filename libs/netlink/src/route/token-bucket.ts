/** The parameters of a token bucket in the kernel's shape: rates in bytes, the burst as a time. */
import { type Attributes, optional, u32 } from '../reader.ts';
import { attribute, attributeU32, LITTLE_ENDIAN, type Writer } from '../writer.ts';

/** A token bucket (tc-tbf(8)). */
export interface TokenBucket {
  /** Bytes in a second. */
  readonly rate: number;
  /** Bytes that may leave at once. */
  readonly burst: number;
  /** Bytes that may wait; what exceeds it is dropped. */
  readonly limit: number;
}

/** TCA_TBF_* of linux/pkt_sched.h */
const PARMS = 1;
const RATE64 = 4;
const BURST = 6;
/** `struct tc_tbf_qopt`: two `struct tc_ratespec` (rate and peak), limit, burst as a time, mtu. */
const PARMS_SIZE = 36;
const LINKLAYER_ETHERNET = 1;
/** The kernel counts times in units of 64 ns (PSCHED_TICKS_PER_SEC). */
const NS_PER_TICK = 64;
const MAX_U32 = 0xffffffff;

/** How long `bytes` take at `rate` bytes in a second, in the kernel's unit. */
export const ticksOf = (bytes: number, rate: number): number =>
  Math.min(Math.round((bytes / rate) * (1e9 / NS_PER_TICK)), MAX_U32);

/** `struct tc_ratespec` at `at`: cell, link layer, overhead, alignment, packet size, rate. */
export function writeRate(view: DataView, at: number, rate: number): void {
  view.setUint8(at + 1, LINKLAYER_ETHERNET);
  view.setUint32(at + 8, Math.min(rate, MAX_U32), LITTLE_ENDIAN);
}

/** @throws RangeError. */
export function writeBucket(writer: Writer, { rate, burst, limit }: TokenBucket): void {
  for (const [what, value] of [
    ['rate', rate],
    ['burst', burst],
    ['limit', limit],
  ] as const) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${what} of a token bucket is at least a byte: ${value}`);
  }
  const parameters = new Uint8Array(PARMS_SIZE);
  const view = new DataView(parameters.buffer);
  writeRate(view, 0, rate);
  view.setUint32(24, Math.min(limit, MAX_U32), LITTLE_ENDIAN);
  view.setUint32(28, ticksOf(burst, rate), LITTLE_ENDIAN);
  attribute(writer, PARMS, parameters);
  // The time above is rounded; the kernel prefers the bytes where it is given them.
  attributeU32(writer, BURST, Math.min(burst, MAX_U32));
  if (rate > MAX_U32) attribute(writer, RATE64, wide(rate));
}

function wide(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value), LITTLE_ENDIAN);
  return new Uint8Array(view.buffer);
}

/** `burst` is a time in the kernel, and may differ by rounding. @throws WireError. */
export function readBucket(attributes: Attributes): TokenBucket | undefined {
  const parameters = attributes.get(PARMS);
  if (parameters === undefined) return undefined;
  const rate = optional(attributes, RATE64, u64) ?? u32(parameters, 8);
  const ticks = u32(parameters, 28);
  return { rate, limit: u32(parameters, 24), burst: Math.round((ticks * NS_PER_TICK * rate) / 1e9) };
}

/** The kernel's own rounding of a time. */
const ROUNDING = 2;

/** Whether a bucket that was read is the one that was written. */
export const isSameBucket = (read: TokenBucket, written: TokenBucket): boolean =>
  read.rate === written.rate &&
  read.limit === Math.min(written.limit, MAX_U32) &&
  Math.abs(ticksOf(read.burst, read.rate) - ticksOf(Math.min(written.burst, MAX_U32), written.rate)) <= ROUNDING;

const u64 = (bytes: Uint8Array): number =>
  u32(bytes, LITTLE_ENDIAN ? 4 : 0) * 2 ** 32 + u32(bytes, LITTLE_ENDIAN ? 0 : 4);
