/** How large the bucket and the queue of a limit are. Bytes, where `Limit` has bits. Pure. */
import type { TokenBucket } from '@flatnet/netlink/route/qdisc';
import type { Limit } from './model.ts';

/** What a frame has before its payload. */
const ETHERNET_HEADER = 14;
/** A bucket of this many seconds keeps the rate without letting much pass at once. */
const AUTOMATIC_SECONDS = 0.005;
/** A smaller one would be empty between two runs of the kernel's timer. */
const SHORTEST_SECONDS = 0.001;
/** The kernel counts a bucket's time in 32 bits of 64 ns, which is 274 s. */
const LONGEST_SECONDS = 270;
const DEFAULT_LATENCY_MS = 25;
const MAX_U32 = 0xffffffff;
/** Runtimes write a burst of 2^31-1 bits or more for "no limit" (kubernetes/pkg/util/bandwidth). */
const NO_BURST = 2 ** 31 - 1;
/** In a shorter queue TCP cannot keep the rate; at 1 Mbit/s six frames are 73 ms. */
const FRAMES_FROM_MEGABIT = 6;
const FRAMES_BELOW = 4;
const MEGABIT = 1e6;

/**
 * @param mtu of the host end.
 * @param latencyMs how long a packet may wait.
 */
export function bucketOf({ rate, burst }: Limit, mtu: number, latencyMs = DEFAULT_LATENCY_MS): TokenBucket {
  const bytes = Math.floor(rate / 8);
  const frame = mtu + ETHERNET_HEADER;
  const automatic = Math.max(AUTOMATIC_SECONDS * bytes, 2 * frame);
  const frames = rate >= MEGABIT ? FRAMES_FROM_MEGABIT : FRAMES_BELOW;
  // A burst that was given never makes the queue longer: that would be latency.
  const limit = Math.max((latencyMs / 1000) * bytes + automatic, frames * frame);
  const size = burst === undefined || burst >= NO_BURST ? automatic : givenSize(burst / 8, bytes, frame);
  return { rate: bytes, burst: atMostU32(size), limit: atMostU32(limit) };
}

const givenSize = (burst: number, rate: number, frame: number): number =>
  Math.max(Math.min(burst, LONGEST_SECONDS * rate), SHORTEST_SECONDS * rate, 2 * frame);

const atMostU32 = (bytes: number): number => Math.min(Math.ceil(bytes), MAX_U32);

const FEWEST_PACKETS = 64;
const LEAST_TARGET_US = 5_000;

/** Fair queues below a bucket: how many packets may wait, and which delay is held, in microseconds. */
export function fairQueueOf({ rate, limit }: TokenBucket, mtu: number): { limit: number; target: number } {
  const frame = mtu + ETHERNET_HEADER;
  return {
    limit: Math.max(FEWEST_PACKETS, Math.ceil(limit / frame)),
    // A packet's own time on the wire is no sign of a queue (RFC 8290, 5.2.2).
    target: Math.min(Math.max(LEAST_TARGET_US, Math.ceil((1.5e6 * frame) / rate)), MAX_U32),
  };
}
