// Limits by what passes: rates, bursts and latency under load, beside the reference plugin.
import { setTimeout as sleep } from 'node:timers/promises';
import { REFERENCE_BIN, type Json } from '@flatnet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { buildShapingLab, must, removeShapingLab, resultOf } from './shaping-lab.ts';

const host = useSandbox();
beforeAll(async () => {
  await buildShapingLab(host.sandbox);
  await host.sandbox.inNetns('srv', 'iperf3', ['-s', '-D']);
});
afterAll(async () => {
  for (const pid of (await host.sandbox.must('ip', ['netns', 'pids', 'srv'])).split('\n').filter(Boolean)) {
    await host.sandbox.run('kill', [pid]);
  }
  await removeShapingLab(host.sandbox);
});

interface Load {
  readonly rate: number;
  readonly direction: 'down' | 'up';
  /** Bits; absent: automatic. */
  readonly burst?: number;
  readonly flows?: number;
  readonly udp?: boolean;
  readonly v6?: boolean;
  readonly extra?: Json;
  /** 2 when absent. */
  readonly seconds?: number;
}

interface Measured {
  /** Of the limit: payload that arrived, with the headers of full frames added. */
  readonly ratio: number;
  /** Milliseconds of ping under the load. */
  readonly average: number;
  readonly worst: number;
}

/** Payload of a full frame by its 1514 bytes: TCP with timestamps, and the UDP of this test. */
const TCP = { 4: 1448 / 1514, 6: 1428 / 1514 } as const;
const UDP_PAYLOAD = 1400;

type Ends = Readonly<Record<string, { readonly bits_per_second: number } | undefined>>;

/** The server is busy for a moment after the client of the test before has ended. */
async function iperf(args: readonly string[]): Promise<Ends> {
  for (let tries = 25; ; tries -= 1) {
    const { stdout } = await host.sandbox.inNetns('c1', 'iperf3', args);
    const { end, error } = JSON.parse(stdout) as { end: Ends; error?: string };
    if (error === undefined) return end;
    if (tries === 0 || !error.includes('busy')) throw new Error(error);
    await sleep(200);
  }
}

async function measure(load: Load): Promise<Measured> {
  const { sandbox } = host;
  const { rate, direction, flows = 1, udp = false, v6 = false, seconds = 2 } = load;
  const target = v6 ? 'fd09:8::2' : '10.9.8.2';
  const args = ['-c', target, '-t', `${seconds}`, '-P', `${flows}`, '-J', ...(direction === 'down' ? ['-R'] : [])];
  const asUdp = udp ? ['-u', '-b', `${Math.round(rate * 1.2)}`, '-l', `${UDP_PAYLOAD}`] : [];
  const ping = sleep(500).then(() =>
    sandbox.inNetns('c1', 'ping', ['-i', '0.1', '-c', `${seconds * 7}`, '-W', '3', target]),
  );
  const end = await iperf([...args, ...asUdp]);
  const payload = end['sum_received']?.bits_per_second ?? end['sum']?.bits_per_second ?? 0;
  const share = udp ? UDP_PAYLOAD / (UDP_PAYLOAD + (v6 ? 62 : 42)) : TCP[v6 ? 6 : 4];
  const [, average = 'NaN', worst = 'NaN'] = /= [\d.]+\/([\d.]+)\/([\d.]+)\//.exec((await ping).stdout) ?? [];
  return { ratio: payload / share / rate, average: Number(average), worst: Number(worst) };
}

const configOf = ({ rate, direction, burst, extra = {} }: Load): Json => {
  const key = direction === 'down' ? 'ingress' : 'egress';
  return { [`${key}Rate`]: rate, ...(burst === undefined ? {} : { [`${key}Burst`]: burst }), ...extra };
};

/**
 * A machine that stands still for a moment lowers the rate and raises the latency: the best of five counts.
 * The limit itself is the upper bound; the lower one only tells that the limit does not choke the traffic.
 */
async function expectHeld(load: Load, { least = 0.9, most = 1.05, latency = Infinity } = {}): Promise<Measured> {
  await must(host.sandbox, 'ADD', { config: configOf(load) });
  try {
    let measured = await measure(load);
    const isHeld = ({ ratio, average }: Measured) => ratio >= least && ratio <= most && average <= latency;
    for (let tries = 4; tries > 0 && !isHeld(measured); tries -= 1) measured = await measure(load);
    expect(measured.ratio, JSON.stringify({ load, measured })).toBeGreaterThanOrEqual(least);
    expect(measured.ratio, JSON.stringify({ load, measured })).toBeLessThanOrEqual(most);
    expect(measured.average, JSON.stringify({ load, measured })).toBeLessThanOrEqual(latency);
    return measured;
  } finally {
    await must(host.sandbox, 'DEL');
  }
}

const row = (who: string, { rate, direction, flows = 1, udp, burst }: Load, { ratio, average, worst }: Measured) =>
  [
    who.padEnd(10),
    `${rate / 1e6} Mbit/s ${direction}`.padEnd(17),
    (udp === true ? 'UDP' : `TCP x${flows}`).padEnd(8),
    `burst ${burst ?? 'automatic'}`.padEnd(18),
    `${ratio.toFixed(3)} of the limit`,
    `ping ${average} ms, at most ${worst}`,
  ].join('  ');

/** Milliseconds on average under load: the bound of the queue, and what a noisy machine adds. */
const LATENCY: Readonly<Record<number, number>> = { 1e6: 75, 10e6: 35, 100e6: 35, 1e9: 35 };

it.each<Load>([
  ...[1e6, 10e6, 100e6, 1e9].flatMap((rate) => [
    { rate, direction: 'down' } as const,
    { rate, direction: 'up' } as const,
  ]),
  { rate: 10e6, direction: 'down', flows: 10 },
  { rate: 10e6, direction: 'up', flows: 10, v6: true },
  { rate: 10e6, direction: 'down', udp: true, v6: true },
  { rate: 10e6, direction: 'up', udp: true },
  { rate: 10e6, direction: 'down', burst: 2 ** 31 - 1, v6: true },
  { rate: 100e6, direction: 'up', burst: 8 },
])('%j is held, without latency', async (load) => {
  const measured = await expectHeld(load, { latency: LATENCY[load.rate] ?? 75 });
  process.stdout.write(`${row('flatnet', load, measured)}\n`);
});

it("the reference lets a multiple of the limit pass with Kubernetes' burst", async () => {
  const load: Load = { rate: 10e6, direction: 'down', burst: 2 ** 31 - 1 };
  const call = {
    plugin: `${REFERENCE_BIN}/bandwidth`,
    prevResult: { ...resultOf(), cniVersion: '1.0.0' },
    config: { ...configOf(load), type: 'bandwidth', cniVersion: '1.0.0' },
  };
  await must(host.sandbox, 'ADD', call);
  const measured = await measure(load);
  process.stdout.write(`${row('reference', load, measured)}\n`);
  await must(host.sandbox, 'DEL', call);
  await host.sandbox.must('tc', ['qdisc', 'delete', 'dev', 'h1', 'root']);
  expect(measured.ratio).toBeGreaterThan(5);
});

it.each<Load>([
  { rate: 1e6, direction: 'down', extra: { unshapedSubnets: ['10.9.8.0/24'] }, seconds: 1 },
  { rate: 1e6, direction: 'up', extra: { unshapedSubnets: ['fd09:8::/64'] }, v6: true, seconds: 1 },
  { rate: 1e6, direction: 'down', extra: { shapedSubnets: ['192.0.2.0/24'] }, seconds: 1 },
  { rate: 1e6, direction: 'up', extra: { shapedSubnets: ['fd09:7::/64'] }, v6: true, seconds: 1 },
])('%j passes freely', async (load) => {
  await expectHeld(load, { least: 20, most: Infinity });
});

it.each<Load>([
  { rate: 10e6, direction: 'down', extra: { unshapedSubnets: ['192.0.2.0/24', 'fd09:8::/64'] } },
  { rate: 10e6, direction: 'up', extra: { shapedSubnets: ['10.9.8.2/32'] } },
  { rate: 10e6, direction: 'down', extra: { shapedSubnets: ['fd09::/16'] }, v6: true },
])('%j is held', async (load) => {
  await expectHeld(load, { latency: 35 });
});

it('a change while flows go on holds at once', async () => {
  await must(host.sandbox, 'ADD', { config: { ingressRate: 50e6 } });
  await must(host.sandbox, 'ADD', { config: { ingressRate: 10e6 } });
  expect((await measure({ rate: 10e6, direction: 'down', seconds: 1 })).ratio).toBeLessThan(1.05);
  await must(host.sandbox, 'DEL');
  expect((await measure({ rate: 10e6, direction: 'down', seconds: 1 })).ratio).toBeGreaterThan(20);
});
