import { describe, expect, it } from 'vitest';
import { bucketOf, fairQueueOf } from '../src/bucket.ts';

const FRAME = 1514;

describe('a bucket', () => {
  it.each([
    // rate, burst in bits -> bucket and queue in bytes
    [1e6, undefined, 2 * FRAME, 6 * FRAME],
    [10e6, undefined, 6_250, 37_500],
    [100e6, undefined, 62_500, 375_000],
    [1e9, undefined, 625_000, 3_750_000],
    [256e3, undefined, 2 * FRAME, 4 * FRAME],
    [8, undefined, 2 * FRAME, 4 * FRAME],
    [800, 200, 2 * FRAME, 4 * FRAME],
    [10e6, 2 ** 31 - 1, 6_250, 37_500],
    [10e6, 2 ** 35, 6_250, 37_500],
    [10e6, 800_000, 100_000, 37_500],
    [1e9, 8, 125_000, 3_750_000],
  ])('of %d bit/s with a burst of %s has %d bytes, its queue %d', (rate, burst, size, limit) => {
    const bucket = bucketOf({ rate, ...(burst === undefined ? {} : { burst }) }, 1500);
    expect(bucket).toEqual({ rate: rate / 8, burst: size, limit });
  });

  it('has a shorter queue for a shorter latency, down to the frames that the rate needs', () => {
    expect(bucketOf({ rate: 100e6 }, 1500, 5).limit).toBe(125_000);
    expect(bucketOf({ rate: 10e6 }, 1500, 1).limit).toBe(6 * FRAME);
  });

  it('holds frames of the link: jumbo ones need a larger one', () => {
    expect(bucketOf({ rate: 1e6 }, 9000)).toMatchObject({ burst: 18_028, limit: 54_084 });
  });

  it('stays in the 32 bits of the kernel', () => {
    const bucket = bucketOf({ rate: 2 ** 50 }, 1500, 10_000);
    expect(bucket).toEqual({ rate: 2 ** 47, burst: 0xffffffff, limit: 0xffffffff });
  });
});

it('fair queues hold no less than 64 packets, and a delay no shorter than a frame of the rate takes', () => {
  expect(fairQueueOf(bucketOf({ rate: 1e6 }, 1500), 1500)).toEqual({ limit: 64, target: 18_168 });
  expect(fairQueueOf(bucketOf({ rate: 1e9 }, 1500), 1500)).toEqual({ limit: 2_477, target: 5_000 });
});
