import { afterEach, beforeEach, expect, test } from 'vitest';
import { atOnce, idsOf, round } from './crowd.ts';
import { Bench, TIMEOUT } from '../process/plugin-process.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench({ subnet: '10.77.0.0/23' });
});
afterEach(() => bench.remove(), 120_000);

test('200 ADDs at once, then 200 DELs, for 20 rounds', { timeout: 3_600_000 }, () => {
  for (let played = 0; played < 20; played++) round(bench, ['net'], 200);
});

test('two networks in one data directory, 50 ADDs each at once', TIMEOUT, () => {
  round(bench, ['red', 'blue'], 50);
});

test('40 ADDs at once for 6 addresses: six get one, the others are told why', TIMEOUT, () => {
  const few = new Bench({ subnet: '10.77.0.0/29', rangeEnd: '10.77.0.6', gateway: '10.77.9.1' });
  try {
    const ids = idsOf('net', 40);
    const answers = [...atOnce(few, 'ADD', ids)];
    const given = answers.filter(([, { ips }]) => ips !== undefined);
    expect(new Set(given.map(([, { ips }]) => ips![0]!.address)).size).toBe(6);
    expect(few.leases()).toEqual(given.map(([id]) => `${id}:eth0`).sort());
    for (const [id, answer] of answers.filter((each) => !given.includes(each))) {
      expect(answer, id).toMatchObject({
        code: 101,
        msg: 'no IP addresses available in range set: 10.77.0.1-10.77.0.6',
      });
    }
    for (const [id, answer] of atOnce(few, 'DEL', ids)) expect(answer, id).toEqual({});
    expect(few.leases()).toEqual([]);
  } finally {
    few.remove();
  }
});
